package egress

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/hub"
)

// Errors of Readers.Admit, and of the outputs: ErrLate if media does not come, ErrHungUp after Request.HangUp.
var (
	ErrNoStream = errors.New("the stream is not live: it has no publisher and no pull")
	ErrLate     = fmt.Errorf("the stream's publisher has sent nothing new for %v", TracksWait)
	ErrHungUp   = errors.New("the connection was closed by request")
	ErrFull     = errors.New("too many clients read live streams")
)

// TracksWait bounds the wait for the tracks of a stream whose pull has just begun.
const TracksWait = 10 * time.Second

// Readers opens streams for the clients of the outputs over HTTP. It bounds, counts and lists these clients, by the name of
// their protocol. It is safe for concurrent use.
type Readers struct {
	hub    *hub.Hub
	gate   *Gate
	limits clients.Limits
	log    *slog.Logger
	clock  pipeline.Clock

	mu     sync.Mutex // guards tables
	tables map[string]*clients.Table
}

// NewReaders returns Readers without clients, which the gate admits. At most maxReaders clients of each protocol read at once; 0
// is no limit.
func NewReaders(h *hub.Hub, gate *Gate, maxReaders int, log *slog.Logger, clock pipeline.Clock) *Readers {
	return &Readers{hub: h, gate: gate, limits: clients.Limits{Readers: maxReaders}, log: log, clock: clock, tables: map[string]*clients.Table{}}
}

// Request is the request of a client to read a stream. The caller has checked that the client may read it.
type Request struct {
	Protocol string // fmp4, hls or whep
	Path     string // of the stream
	Remote   string // host:port of the client
	User     string // authenticated user; empty without authentication
	TLS      bool
	HangUp   func() // closes the connection of the client; called on any goroutine, at most a few times
}

// Client is a client that reads a stream.
type Client struct {
	*clients.Client
	Offer     Offer // at the time of its admission
	leaveGate func()
}

// Check returns nil if the stream of a path can be read: it has a publisher, or a pull. Else it returns ErrNoStream, or the error
// of a wrong path.
func Check(h *hub.Hub, path string) error {
	if err := streampath.Check(path); err != nil {
		return err
	}
	if _, vacant := h.Vacant(path); vacant && !h.Announced(path) {
		return ErrNoStream
	}
	return nil
}

// Admit admits a client. Its error is ErrNoStream, a *NotServedError, that of a wrong path, or wraps ErrFull. The caller closes the
// client.
func (r *Readers) Admit(q Request) (*Client, error) {
	if err := Check(r.hub, q.Path); err != nil {
		return nil, err
	}
	offer, err := r.gate.Offer(q.Protocol, q.Path)
	if err != nil {
		return nil, err
	}
	leave, err := r.gate.Enter(q.Protocol, q.Path)
	if err != nil {
		r.table(q.Protocol).RefusedReader()
		return nil, err
	}
	client := r.table(q.Protocol).Admit(remote(q.Remote), q.TLS, q.HangUp)
	if client == nil || !client.Reads(q.Path, q.User) {
		if client != nil {
			client.Leave()
		}
		leave()
		return nil, fmt.Errorf("%w: egress.max_readers", ErrFull)
	}
	return &Client{client, offer, leave}, nil
}

// remote is a net.Addr of a client's host:port.
type remote string

func (remote) Network() string  { return "tcp" }
func (r remote) String() string { return string(r) }

// Close removes the client. Later calls have no effect.
func (c *Client) Close() {
	c.Leave()
	c.leaveGate()
}

func (r *Readers) table(protocol string) *clients.Table {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tables[protocol]
	if t == nil {
		t = clients.New(protocol, r.limits, r.log, r.clock)
		r.tables[protocol] = t
	}
	return t
}

// protocols returns the names of the protocols that had a client, sorted.
func (r *Readers) protocols() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.tables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Connections lists the clients, by protocol, then by number.
func (r *Readers) Connections() (all []media.Connection) {
	for _, name := range r.protocols() {
		all = append(all, r.table(name).List()...)
	}
	return all
}

// Counts calls yield with the counters of each protocol that had a client, by name.
func (r *Readers) Counts(yield func(protocol string, n clients.Counts) bool) {
	for _, name := range r.protocols() {
		if !yield(name, r.table(name).Counts()) {
			return
		}
	}
}

// End closes the connection with a number among those of a protocol, and reports whether there is one.
func (r *Readers) End(protocol string, number uint64) bool {
	if !slices.Contains(r.protocols(), protocol) {
		return false
	}
	return r.table(protocol).End(number)
}

// HangUp closes the connections of all clients.
func (r *Readers) HangUp() {
	for _, c := range r.Connections() {
		r.End(c.Protocol, c.Number)
	}
}
