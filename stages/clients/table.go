package clients

import (
	"container/list"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Table holds the open connections of one server, bounds their number and lists them.
//
// A client that publishes or reads is never closed for another client. The other clients wait. When a new client
// connects and too many connections are open, the table closes the client that has waited longest since it connected or
// last made progress. When too many clients of the new client's address wait, it closes the longest waiting one of that
// address. So cameras behind one address may use all connections, and clients that only connect cannot lock out a
// publisher.
type Table struct {
	protocol string
	limits   Limits
	log      *slog.Logger
	clock    pipeline.Clock

	sent, skipped atomic.Uint64 // Counts.Sent and Counts.Skipped

	mu      sync.Mutex         // guards the fields below, and those of each Client below of.mu
	open    *list.List         // of *Client, the oldest first
	waiting *list.List         // of *Client that do not publish, the longest waiting first
	from    map[netip.Addr]int // number of waiting clients, by Client.from
	counts  Counts             // all but Counts.Connections, Counts.Sent and Counts.Skipped
	number  uint64             // number of the newest client
}

// Limits bounds the clients of a server.
type Limits struct {
	Connections int // open connections; 0: no limit
	PerAddress  int // connections of one address that neither publish nor read; 0: a quarter of Connections, rounded up
	Readers     int // connections that read; 0: no limit
}

// Counts holds the counters of a server since its Table was made.
type Counts struct {
	Connections int    // open now
	Refused     uint64 // refused because every open connection publishes
	GivenUp     uint64 // closed for a newer connection because they did not publish
	Publishers  uint64 // refused publications, except those refused because the password is missing
	Reading     int    // connections that read now
	Readers     uint64 // refused readers
	Sent        uint64 // bytes sent to readers
	Skipped     uint64 // access units that readers have not received because they read too slowly
}

// Client is one open connection in a Table.
type Client struct {
	of            *Table
	remote        string
	from          netip.Addr // address under which the table counts it; of IPv6 the /64 network
	since         time.Time
	tls           bool
	hangUp        func() // closes the connection
	number        uint64
	bytes         atomic.Uint64 // received
	sent, skipped atomic.Uint64 // bytes, and access units: see Sent and Skipped

	// of.mu guards the fields below.
	opened *list.Element // element of open; nil after Leave
	waits  *list.Element // element of waiting; nil while it publishes, and after Leave
	path   string
	user   string
	state  media.ConnectionState

	recorded bool // see media.Connection.Recorded
}

// New returns the empty table of a server. protocol is the name under which the server is registered, such as rtsp.
func New(protocol string, limits Limits, log *slog.Logger, clock pipeline.Clock) *Table {
	if limits.PerAddress <= 0 {
		limits.PerAddress = (limits.Connections + 3) / 4
	}
	return &Table{
		protocol: protocol, limits: limits, log: log, clock: clock,
		open: list.New(), waiting: list.New(), from: map[netip.Addr]int{},
	}
}

// Admit adds a new connection, and may close another one for it. It returns nil if there is no room; then the
// caller closes the connection. tls reports whether the connection is encrypted. The table calls hangUp, on any
// goroutine, to close the connection for a newer one. The caller calls Leave once the connection is closed.
func (c *Table) Admit(remote net.Addr, tls bool, hangUp func()) *Client {
	k := &Client{
		of: c, remote: remote.String(), from: hostOf(remote), since: c.clock.Now(), tls: tls, hangUp: hangUp, state: media.ConnectionOpen,
	}
	c.mu.Lock()
	old, room := c.makeRoom(k.from)
	if room {
		c.number++
		k.number = c.number
		k.opened = c.open.PushBack(k)
		c.queue(k)
	}
	c.mu.Unlock()
	if old != nil {
		old.hangUp()
	}
	if !room {
		return nil
	}
	return k
}

// makeRoom makes room in the table for a connection of an address. If that needs another connection to be closed,
// old is that connection: makeRoom has removed it from the table and counted it, and the caller closes it. room is
// false if the new connection must be refused. The caller holds the lock.
func (c *Table) makeRoom(from netip.Addr) (old *Client, room bool) {
	why := ""
	switch {
	case c.limits.PerAddress > 0 && c.from[from] >= c.limits.PerAddress:
		old, why = c.longest(from), "too many from its address"
	case c.limits.Connections <= 0 || c.open.Len() < c.limits.Connections:
		return nil, true
	case c.waiting.Len() > 0:
		old, why = c.waiting.Front().Value.(*Client), "too many are open"
	default:
		c.counts.Refused++
		c.tell("connection refused: too many are open, and all of them record", c.counts.Refused, "max", c.limits.Connections)
		return nil, false
	}
	c.forget(old)
	c.counts.GivenUp++
	c.tell("connection given up for a new one: it did not record", c.counts.GivenUp, "why", why, "remote", old.from.String())
	return old, true
}

// longest returns, of the waiting connections of an address, the one that has waited longest (see Table). At least
// one connection of that address must wait. The caller holds the lock.
func (c *Table) longest(from netip.Addr) *Client {
	for e := c.waiting.Front(); ; e = e.Next() {
		if k := e.Value.(*Client); k.from == from {
			return k
		}
	}
}

// tell logs msg if n is a power of two, so that frequent messages do not fill the log. n counts the occurrences of msg.
func (c *Table) tell(msg string, n uint64, args ...any) {
	if n&(n-1) == 0 {
		c.log.Warn(msg, append(args, "protocol", c.protocol, "so_far", n)...)
	}
}

// queue makes a connection wait: it appends the connection to the list of those that the table may close for a new
// one. The caller holds the lock.
func (c *Table) queue(k *Client) {
	c.unqueue(k)
	if k.opened != nil {
		k.waits = c.waiting.PushBack(k)
		c.from[k.from]++
	}
}

// unqueue removes a connection from the list of the waiting ones, so that the table does not close it for a new
// one. The caller holds the lock.
func (c *Table) unqueue(k *Client) {
	if k.waits == nil {
		return
	}
	c.waiting.Remove(k.waits)
	k.waits = nil
	if c.from[k.from]--; c.from[k.from] == 0 {
		delete(c.from, k.from)
	}
}

// forget removes a connection from the table. The caller holds the lock.
func (c *Table) forget(k *Client) {
	c.unqueue(k)
	k.stopReading()
	if k.opened != nil {
		c.open.Remove(k.opened)
		k.opened = nil
	}
}

// Opened records that a client does not publish, or no longer publishes. From now on it counts as waiting: the
// table may close it for a new client (see Table).
func (k *Client) Opened() { k.wait("", "", media.ConnectionOpen) }

// Announced records that a client may publish a stream and sends no media yet. Its waiting time begins anew: the
// table may close it for a new client (see Table). user is the name that was accepted for the path (see
// ingest.Authorize); it is empty without authorization.
func (k *Client) Announced(path, user string) { k.wait(path, user, media.ConnectionAnnounced) }

func (k *Client) wait(path, user string, state media.ConnectionState) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.stopReading()
	k.path, k.user, k.state = path, user, state
	k.of.queue(k)
}

// Publishes records that a client sends media of a stream: the table does not close it for another client any more.
// user is the name that was accepted for the path; it is empty without authorization.
func (k *Client) Publishes(path, user string) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.stopReading()
	k.path, k.user, k.state = path, user, media.ConnectionPublishing
	k.of.unqueue(k)
}

// Reads records that a client receives media of a stream: the table does not close it for another client any more. It
// returns false, and counts a refused reader, if Limits.Readers clients read already. user is as of Publishes.
func (k *Client) Reads(path, user string) bool { return k.reads(path, user, false) }

// Replays is like Reads, for a client that receives recordings.
func (k *Client) Replays(path, user string) bool { return k.reads(path, user, true) }

func (k *Client) reads(path, user string, recorded bool) bool {
	c := k.of
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.state != media.ConnectionReading {
		if c.limits.Readers > 0 && c.counts.Reading >= c.limits.Readers {
			c.counts.Readers++
			return false
		}
		if k.opened != nil {
			c.counts.Reading++
		}
	}
	k.path, k.user, k.state, k.recorded = path, user, media.ConnectionReading, recorded
	c.unqueue(k)
	return true
}

// Read counts bytes received from the client.
func (k *Client) Read(bytes int) { k.bytes.Add(uint64(bytes)) }

// stopReading ends the state reading. The caller holds the lock.
func (k *Client) stopReading() {
	if k.state == media.ConnectionReading && k.opened != nil {
		k.of.counts.Reading--
	}
	k.state = media.ConnectionOpen
}

// Sent counts bytes sent to a client that reads.
func (k *Client) Sent(bytes int) {
	k.sent.Add(uint64(bytes))
	k.of.sent.Add(uint64(bytes))
}

// Skipped counts access units that a client has not received because it reads too slowly, or its protocol cannot carry them.
func (k *Client) Skipped(units uint64) {
	k.skipped.Add(units)
	k.of.skipped.Add(units)
}

// Leave removes a client whose connection is closed. It may be called again. A later call of Opened, Announced or
// Publishes does not bring the client back.
func (k *Client) Leave() {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.of.forget(k)
}

// End closes the open connection with a number, and reports whether there is one.
func (c *Table) End(number uint64) bool {
	c.mu.Lock()
	var found *Client
	for e := c.open.Front(); e != nil && found == nil; e = e.Next() {
		if k := e.Value.(*Client); k.number == number {
			found = k
		}
	}
	c.mu.Unlock()
	if found != nil {
		found.hangUp()
	}
	return found != nil
}

// RefusedReader counts a reader that was refused for a reason other than a missing password.
func (c *Table) RefusedReader() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Readers++
}

// RefusedPublisher counts a publication that was refused for a reason other than a missing password.
func (c *Table) RefusedPublisher() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Publishers++
}

// Counts returns the server's counters.
func (c *Table) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	out.Connections, out.Sent, out.Skipped = c.open.Len(), c.sent.Load(), c.skipped.Load()
	return out
}

// List returns the open connections, the oldest first.
func (c *Table) List() []media.Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]media.Connection, 0, c.open.Len())
	for e := c.open.Front(); e != nil; e = e.Next() {
		k := e.Value.(*Client)
		out = append(out, media.Connection{
			Protocol: c.protocol, Number: k.number, TLS: k.tls, User: k.user, Remote: k.remote, Path: k.path, Since: k.since, Bytes: k.bytes.Load(), Sent: k.sent.Load(), Skipped: k.skipped.Load(), State: k.state, Recorded: k.recorded,
		})
	}
	return out
}

// hostOf returns the address under which the table counts a connection. For IPv6 that is the first address of the /64
// network, because one host commonly has a whole such network. It returns the zero value if a has no IP address.
func hostOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		p, _ := ip.Prefix(64) // no error: 64 is in range
		return p.Addr()
	}
	return ip
}
