package client

import "time"

// keepAliveEvery returns the interval of keep-alives: two thirds of the timeout of the session, within minKeepAlive and
// maxKeepAlive. Without a timeout it is maxKeepAlive.
func (c *Client) keepAliveEvery() time.Duration {
	if c.timeout <= 0 {
		return maxKeepAlive
	}
	return min(max(c.timeout*2/3, minKeepAlive), maxKeepAlive)
}

// keepAlive sends a request whose only purpose is to keep the session alive, and schedules the next one. It does not
// wait for the answer, which stayed handles. If the server has closed the connection, keepAlive connects again first. A
// failure to connect is no error, because media still arrives over UDP.
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

// keepAliveMethod returns the method of keep-alives: GET_PARAMETER if the server lists it, otherwise OPTIONS. If the
// server has refused this method and has not refused the other of the two, it returns the other.
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

// stayed handles m, the answer to the keep-alive of. If the server requires a new nonce, stayed sends the keep-alive
// again, once. If the server refuses the method, stayed sends a keep-alive with the other method (see keepAliveMethod).
// A refusal does not end the session: media may continue, and Client.silence notices its end.
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
