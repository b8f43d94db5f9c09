package client

import "time"

// keepAliveEvery is two thirds of the time after which the server ends a session,
// and 30 s at most.
func (c *Client) keepAliveEvery() time.Duration {
	if c.timeout <= 0 {
		return maxKeepAlive
	}
	return min(max(c.timeout*2/3, minKeepAlive), maxKeepAlive)
}

// keepAlive sends a request that does no more than tell that somebody is there. Its
// answer is not waited for (stayed).
func (c *Client) keepAlive(now time.Time) error {
	c.keepAliveAt, c.resent = now.Add(c.keepAliveEvery()), false
	if c.nc == nil {
		if err := c.connect(); err != nil {
			c.Log.Debug("no connection for a keep-alive; media comes over UDP still", "reason", err)
			return nil
		}
	}
	return c.sendKeepAlive()
}

func (c *Client) sendKeepAlive() error {
	_, err := c.send(c.keepAliveMethod(), c.base, true)
	if err != nil && c.UDP {
		c.lostControl(err)
		return nil
	}
	return err
}

// keepAliveMethod is GET_PARAMETER where the server lists it, else OPTIONS; and the
// other one where that was refused.
func (c *Client) keepAliveMethod() string {
	one, other := "OPTIONS", "GET_PARAMETER"
	if c.methods[other] {
		one, other = other, one
	}
	if c.refused[one] && !c.refused[other] {
		return other
	}
	return one
}

// stayed takes the answer to a keep-alive. A refusal is no end: media may go on, and
// that it does not is noticed.
func (c *Client) stayed(of pending, m *message) error {
	switch {
	case m.status == 401:
		if c.resent || c.challenged(of, m) != nil {
			return nil
		}
		c.resent = true
		return c.sendKeepAlive()
	case m.status >= 300:
		first := c.refused == nil
		if first {
			c.refused = map[string]bool{}
		}
		c.refused[of.method] = true
		if c.keepAliveMethod() != of.method {
			return c.sendKeepAlive()
		}
	default:
		c.accepted(of)
	}
	return nil
}
