package hub

import (
	"math"
	"time"
)

// Client identifies a publishing client as far as known.
type Client struct {
	User string // the authenticated user; may be empty
	Host string // address without port
}

// A camera that lost its network returns before the server notices that its old connection is dead.
// So a publisher that has sent nothing for a while gives its path up to the next one: after
// silenceSame to the same client, after silenceOther to a different one, such as a camera with a
// new address. Only the configuration allows replacing a publisher that sends.
const (
	silenceSame  = 2 * time.Second
	silenceOther = 5 * time.Second
)

// NotBegun is the silence of a publisher that has announced itself and sent nothing yet. Any
// publisher may replace it.
const NotBegun = time.Duration(math.MaxInt64)

// same reports whether two clients have the same user or the same host.
func (c Client) same(o Client) bool {
	return c.User != "" && c.User == o.User || c.Host != "" && c.Host == o.Host
}

// silent reports whether a publisher gives its path up to a client, and the duration of its
// silence.
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
