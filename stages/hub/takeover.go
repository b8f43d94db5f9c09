package hub

import (
	"math"
	"time"
)

// Client identifies the client of a publisher. Both fields may be empty.
type Client struct {
	User string // name of the authenticated user
	Host string // address without port
}

// After a loss of its network a camera connects again before the server notices that the old
// connection is dead. So a publisher that has sent nothing for silenceSame loses its path to a
// publisher of the same client; after silenceOther it loses the path to any publisher, such as the
// same camera with a new address. A publisher that sends is replaced only with Override.
const (
	silenceSame  = 2 * time.Second
	silenceOther = 5 * time.Second
)

// NotBegun is the result of PublishOptions.Silence for a publisher that has announced itself and
// sent nothing yet. Any other publisher may replace this publisher.
const NotBegun = time.Duration(math.MaxInt64)

// same reports whether both clients have the same user, or the same host. Empty fields do not
// count.
func (c Client) same(o Client) bool {
	return c.User != "" && c.User == o.User || c.Host != "" && c.Host == o.Host
}

// silent reports whether p has been silent for long enough to lose its path to newcomer, and how
// long it has been silent: see silenceSame. A publisher without PublishOptions.Silence is never
// silent.
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
