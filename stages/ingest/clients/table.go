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

// Table is the open connections of one server. It bounds their number, and lists them.
//
// A client that publishes is never given up for another. Of those that do not, the one
// that has waited longest since it connected, or since it got further, goes for a new
// one: when too many are open, and before that when too many of one address wait. So
// cameras behind one address are as many as there may be connections, and strangers who
// only connect lock nobody out.
type Table struct {
	protocol string
	limits   Limits
	log      *slog.Logger
	clock    pipeline.Clock

	mu      sync.Mutex // guards what follows, and what it says of each Client
	open    *list.List // of *Client, the oldest first
	waiting *list.List // of *Client, those that do not publish: which has waited longest first
	from    map[netip.Addr]int
	counts  Counts
	number  uint64 // of the newest
}

// Limits bound the clients of a server.
type Limits struct {
	Connections int // at once; 0 is no limit
	PerAddress  int // of these, that do not publish and come from one address; 0: a quarter of Connections
}

// Counts are what has come to a server since it began to listen.
type Counts struct {
	Connections int    // open now
	Refused     uint64 // connections, because all the others recorded
	GivenUp     uint64 // connections, for others: they did not record
	Publishers  uint64 // that were refused, whatever the reason, but not those that gave no password
}

// Client is one open connection.
type Client struct {
	of     *Table
	remote string
	from   netip.Addr // whom it counts for
	since  time.Time
	tls    bool
	hangUp func()
	number uint64
	bytes  atomic.Uint64

	// guarded by of.mu
	opened *list.Element // among the open ones; nil once it is counted out
	waits  *list.Element // among those that wait
	path   string
	user   string
	state  media.ConnectionState
}

// New makes the table of a server.
func New(protocol string, limits Limits, log *slog.Logger, clock pipeline.Clock) *Table {
	if limits.PerAddress <= 0 {
		limits.PerAddress = (limits.Connections + 3) / 4
	}
	return &Table{
		protocol: protocol, limits: limits, log: log, clock: clock,
		open: list.New(), waiting: list.New(), from: map[netip.Addr]int{},
	}
}

// Admit counts a new connection in, and gives another one up for it where it must; nil
// means that there is no room, and that the caller must close the connection. tls tells
// whether the connection is encrypted. hangUp
// closes it: it is called once it is given up for another one, from whatever goroutine.
// Leave counts it out, after which it is in no list.
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

// makeRoom returns the connection that must go for a new one, if any, and whether
// there is room then. The lock is held.
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

// longest returns the connection of an address that has waited longest. The lock is held.
func (c *Table) longest(from netip.Addr) *Client {
	for e := c.waiting.Front(); ; e = e.Next() {
		if k := e.Value.(*Client); k.from == from {
			return k
		}
	}
}

// tell logs the first, second, fourth, eighth...: a flood does not fill the log.
func (c *Table) tell(msg string, n uint64, args ...any) {
	if n&(n-1) == 0 {
		c.log.Warn(msg, append(args, "protocol", c.protocol, "so_far", n)...)
	}
}

// queue puts a connection behind those that wait. The lock is held.
func (c *Table) queue(k *Client) {
	c.unqueue(k)
	if k.opened != nil {
		k.waits = c.waiting.PushBack(k)
		c.from[k.from]++
	}
}

// unqueue takes a connection out of those that wait. The lock is held.
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

// forget counts a connection out. The lock is held.
func (c *Table) forget(k *Client) {
	c.unqueue(k)
	if k.opened != nil {
		c.open.Remove(k.opened)
		k.opened = nil
	}
}

// Opened says that a client does not publish, or not any more: it waits behind the
// others.
func (k *Client) Opened() { k.wait("", "", media.ConnectionOpen) }

// Announced says that a client may publish a stream and does not send yet: it waits
// behind the others. user is the name that was accepted for the path (see
// ingest.Authorize), and empty without one.
func (k *Client) Announced(path, user string) { k.wait(path, user, media.ConnectionAnnounced) }

func (k *Client) wait(path, user string, state media.ConnectionState) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.path, k.user, k.state = path, user, state
	k.of.queue(k)
}

// Publishes says that a client sends a stream: it is given up for no other. user is as in
// Announced.
func (k *Client) Publishes(path, user string) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.path, k.user, k.state = path, user, media.ConnectionPublishing
	k.of.unqueue(k)
}

// Read counts what came from a client.
func (k *Client) Read(bytes int) { k.bytes.Add(uint64(bytes)) }

// Leave counts a client out, whose connection is closed.
func (k *Client) Leave() {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.of.forget(k)
}

// RefusedPublisher counts a client that may not publish what it wanted to, whatever the
// reason, but not one that gave no password.
func (c *Table) RefusedPublisher() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Publishers++
}

// Counts returns how the server fares.
func (c *Table) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	out.Connections = c.open.Len()
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
			Protocol: c.protocol, Number: k.number, TLS: k.tls, User: k.user, Remote: k.remote, Path: k.path, Since: k.since, Bytes: k.bytes.Load(), State: k.state,
		})
	}
	return out
}

// hostOf is whom a connection counts for: an address, of IPv6 the /64 that one host
// commonly owns.
func hostOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		p, _ := ip.Prefix(64) // 64 fits
		return p.Addr()
	}
	return ip
}
