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

// Table holds the open connections of one server. It bounds their number, and lists them.
//
// A publishing client is never closed for another. Of the other clients, the one that has waited longest since it
// connected, or since its last progress, is closed for a new one: when too many connections are open, and before that
// when too many of one address wait. Cameras behind one address may therefore use all connections, and strangers who
// only connect lock out no publisher.
type Table struct {
	protocol string
	limits   Limits
	log      *slog.Logger
	clock    pipeline.Clock

	mu      sync.Mutex // guards the fields below, and the guarded fields of each Client
	open    *list.List // of *Client, the oldest first
	waiting *list.List // of *Client, those that do not publish, the longest waiting first
	from    map[netip.Addr]int
	counts  Counts
	number  uint64 // number of the newest client
}

// Limits bound the clients of a server.
type Limits struct {
	Connections int // open at once; 0: no limit
	PerAddress  int // of one address that do not publish; 0: a quarter of Connections
}

// Counts are the counters of a server since it began to listen.
type Counts struct {
	Connections int    // open now
	Refused     uint64 // refused because all open connections record
	GivenUp     uint64 // closed for newer ones because they did not record
	Publishers  uint64 // refused for any reason except a missing password
}

// Client is one open connection.
type Client struct {
	of     *Table
	remote string
	from   netip.Addr // the address for which it counts
	since  time.Time
	tls    bool
	hangUp func()
	number uint64
	bytes  atomic.Uint64

	// The fields below are guarded by of.mu.
	opened *list.Element // in open; nil after Leave
	waits  *list.Element // in waiting
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

// Admit adds a new connection, and closes another one for it if it must. It returns nil if there is no room; the
// caller then closes the connection. tls records whether the connection is encrypted. Admit calls hangUp to close the
// connection for a newer one, from any goroutine. Leave removes the connection.
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

// makeRoom makes room for a connection from an address. old, if not nil, has been removed from the table and counted:
// the caller closes it. room is false if the new connection must be refused. The caller holds the lock.
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

// longest returns the connection of an address that has waited longest. The caller holds the lock.
func (c *Table) longest(from netip.Addr) *Client {
	for e := c.waiting.Front(); ; e = e.Next() {
		if k := e.Value.(*Client); k.from == from {
			return k
		}
	}
}

// tell logs the first, second, fourth, eighth... event, so that a flood does not fill the log.
func (c *Table) tell(msg string, n uint64, args ...any) {
	if n&(n-1) == 0 {
		c.log.Warn(msg, append(args, "protocol", c.protocol, "so_far", n)...)
	}
}

// queue appends a connection to those that wait. The caller holds the lock.
func (c *Table) queue(k *Client) {
	c.unqueue(k)
	if k.opened != nil {
		k.waits = c.waiting.PushBack(k)
		c.from[k.from]++
	}
}

// unqueue removes a connection from those that wait. The caller holds the lock.
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

// forget removes a connection. The caller holds the lock.
func (c *Table) forget(k *Client) {
	c.unqueue(k)
	if k.opened != nil {
		c.open.Remove(k.opened)
		k.opened = nil
	}
}

// Opened records that a client does not publish, or no longer publishes: it waits behind the others.
func (k *Client) Opened() { k.wait("", "", media.ConnectionOpen) }

// Announced records that a client may publish a stream and does not send yet: it waits behind the others. user is the
// name that was accepted for the path (see ingest.Authorize); it is empty without authorization.
func (k *Client) Announced(path, user string) { k.wait(path, user, media.ConnectionAnnounced) }

func (k *Client) wait(path, user string, state media.ConnectionState) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.path, k.user, k.state = path, user, state
	k.of.queue(k)
}

// Publishes records that a client sends a stream: the table never closes it for another client. user is as in
// Announced.
func (k *Client) Publishes(path, user string) {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.path, k.user, k.state = path, user, media.ConnectionPublishing
	k.of.unqueue(k)
}

// Read counts bytes received from a client.
func (k *Client) Read(bytes int) { k.bytes.Add(uint64(bytes)) }

// Leave removes a client whose connection is closed.
func (k *Client) Leave() {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.of.forget(k)
}

// RefusedPublisher counts a client whose publication was refused for any reason except a missing password.
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

// hostOf returns the address for which a connection counts: of IPv6 the /64 that one host commonly owns.
func hostOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		p, _ := ip.Prefix(64) // 64 is in range
		return p.Addr()
	}
	return ip
}
