package egress

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/hub"
)

// Errors of Readers.Open, beside those of package hub.
var (
	ErrNoStream = errors.New("the stream is not live: it has no publisher and no pull")
	ErrFull     = errors.New("too many clients read live streams: egress.max_readers")
)

// tracksWait bounds the wait for the tracks of a stream whose pull has just begun.
const tracksWait = 10 * time.Second

// Readers opens streams for the clients of the outputs over HTTP. It bounds, counts and lists these clients, by the name of
// their protocol. It is safe for concurrent use.
type Readers struct {
	hub    *hub.Hub
	limits clients.Limits
	log    *slog.Logger
	clock  pipeline.Clock

	mu     sync.Mutex // guards tables
	tables map[string]*clients.Table
}

// NewReaders returns Readers without clients. At most maxReaders clients of each protocol read at once; 0 is no limit.
func NewReaders(h *hub.Hub, maxReaders int, log *slog.Logger, clock pipeline.Clock) *Readers {
	return &Readers{hub: h, limits: clients.Limits{Readers: maxReaders}, log: log, clock: clock, tables: map[string]*clients.Table{}}
}

// Request is the request of a client to read a stream. The caller has checked that the client may read it.
type Request struct {
	Protocol string // fmp4, hls or whep
	Path     string // of the stream
	Remote   net.Addr
	User     string // authenticated user; empty without authentication
	TLS      bool
	HangUp   func() // closes the connection of the client; called on any goroutine, at most a few times
	Options  live.Options
}

// Reader is a client that reads a stream.
type Reader struct {
	*hub.Reader
	client *clients.Client
	Set    *media.TrackSet // the tracks of the stream when the reader was opened
}

// Open opens a stream for a client, and waits until the stream's tracks are known, at most tracksWait and until ctx ends.
// The caller closes the reader.
func (r *Readers) Open(ctx context.Context, q Request) (*Reader, error) {
	if _, vacant := r.hub.Vacant(q.Path); vacant && !r.hub.Announced(q.Path) {
		return nil, ErrNoStream
	}
	client := r.table(q.Protocol).Admit(q.Remote, q.TLS, q.HangUp)
	if client == nil || !client.Reads(q.Path, q.User) {
		if client != nil {
			client.Leave()
		}
		return nil, ErrFull
	}
	units, err := r.hub.Read(q.Path, q.Options)
	if err != nil {
		client.Leave()
		return nil, err
	}
	out := &Reader{Reader: units, client: client}
	if out.Set, err = units.Tracks(ctx, tracksWait); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// Sent counts bytes that were sent to the client.
func (r *Reader) Sent(bytes int) { r.client.Sent(bytes) }

// Skipped counts access units that the client has not received because it reads too slowly.
func (r *Reader) Skipped(units uint64) { r.client.Skipped(units) }

// Close ends the reader. Later calls have no effect.
func (r *Reader) Close() {
	r.Reader.Close()
	r.client.Leave()
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
