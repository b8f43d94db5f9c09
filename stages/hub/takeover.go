package hub

import (
	"math"
	"time"
)

// Client is who publishes, as far as that is known.
type Client struct {
	User string // that was authenticated; may be empty
	Host string // address without port
}

// A camera that lost its network comes back before the server notices that its
// old connection is dead. So a publisher that has sent nothing for a while gives
// its path up to the next one: soon to the same client, a little later to
// another, such as a camera that got another address. One that sends is never
// replaced but by configuration.
const (
	silenceSame  = 2 * time.Second
	silenceOther = 5 * time.Second
)

// NotBegun is the silence of a publisher that has not begun: it has no right to
// its path yet.
const NotBegun = time.Duration(math.MaxInt64)

// same tells whether two publishers are the same client by user or by host.
func (c Client) same(o Client) bool {
	return c.User != "" && c.User == o.User || c.Host != "" && c.Host == o.Host
}

// silent tells whether a publisher gives its path up to a client, and how long
// nothing has come from it.
func (p *Publisher) silent(newcomer Client) (bool, time.Duration) {
	if p.opts.Silence == nil {
		return false, 0
	}
	limit, silence := silenceOther, p.opts.Silence()
	if p.opts.Client.same(newcomer) {
		limit = silenceSame
	}
	return silence >= limit, silence
}
