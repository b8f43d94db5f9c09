package client

import "time"

// keepAliveEvery returns two thirds of the time after which the server ends a session, and 30 s at most.
func (c *Client) keepAliveEvery() time.Duration {
	if c.timeout <= 0 {
		return maxKeepAlive
	}
	return min(max(c.timeout*2/3, minKeepAlive), maxKeepAlive)
}

// keepAlive sends a request that only keeps the session alive. It does not wait for the answer (stayed).
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

// keepAliveMethod returns GET_PARAMETER if the server lists it, else OPTIONS; and the other one if that was refused.
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

// stayed takes the answer to a keep-alive. A refusal does not end the session: media may continue, and its end is
// noticed.
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
