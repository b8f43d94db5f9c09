package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrNoMedia says that the server plays, and nothing comes.
var ErrNoMedia = errors.New("the server plays, but no media comes")

var errGoodbye = errors.New("the server ended the stream: it said goodbye for every track")

// schedule is when what is due. One goroutine does everything: a wait for the server
// ends when something is due (patient), and goes on after it.
type schedule struct {
	readAt      time.Time     // of the newest bytes
	heard       time.Time     // the newest sign of life: media, a report, an answer
	media       time.Time     // the newest packet or report
	longest     time.Duration // between two of them
	probed      time.Time     // the newest sign of life when another was asked for
	answerBy    time.Time     // of the request that is waited for; zero: none is
	stopBy      time.Time     // of TEARDOWN
	keepAliveAt time.Time
	reportAt    time.Time
	due         time.Time // the earliest of all these
	armed       time.Time // the deadline that the connection has
}

// patient reads from the connection. What is due meanwhile is done.
type patient struct{ *Client }

// Read never gives a timeout.
func (c patient) Read(b []byte) (int, error) {
	for {
		if now := time.Now(); !c.due.IsZero() && !now.Before(c.due) {
			if err := c.tick(now); err != nil {
				return 0, err
			}
		}
		if c.nc == nil {
			if err := c.pause(); err != nil {
				return 0, err
			}
			continue
		}
		if c.armed != c.due {
			_ = c.nc.SetReadDeadline(c.due)
			c.armed = c.due
		}
		if !c.closing && c.ctx.Err() != nil { // after the deadline was set: interrupt sets one as well
			return 0, context.Cause(c.ctx)
		}
		n, err := c.nc.Read(b)
		switch {
		case n > 0:
			c.readAt = time.Now()
			return n, nil
		case err == nil:
		case timedOut(err):
			c.armed = time.Time{} // what ended the wait may have been interrupt
		case c.UDP && c.playing:
			c.lostControl(err)
		default:
			c.broken = true
			return 0, err
		}
	}
}

// pause waits without a connection.
func (c *Client) pause() error {
	if c.closing {
		return net.ErrClosed
	}
	t := time.NewTimer(time.Until(c.due))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

// Run takes media until the session ends: the error says why.
func (c *Client) Run() error {
	now := time.Now()
	c.playing = true
	c.heard, c.media, c.keepAliveAt, c.reportAt = now, now, now.Add(c.keepAliveEvery()), now.Add(reportAfter())
	c.playEarly()
	for _, t := range c.tracks {
		t.udp.start(t)
	}
	c.due = c.earliest(now)
	for {
		if err := c.in.next(&c.msg); err != nil {
			return ended(err)
		}
		if _, err := c.handle(&c.msg); err != nil {
			return err
		}
		if !c.UDP && c.saidGoodbye(c.readAt) {
			return errGoodbye
		}
	}
}

// tick does what is due.
func (c *Client) tick(now time.Time) error {
	if !c.answerBy.IsZero() && !now.Before(c.answerBy) {
		return errNoAnswer
	}
	if c.playing {
		if err := c.silence(now); err != nil {
			return err
		}
		if !now.Before(c.keepAliveAt) {
			if err := c.keepAlive(now); err != nil {
				return fmt.Errorf("keep-alive: %w", err)
			}
		}
		if !now.Before(c.reportAt) {
			if err := c.report(now); err != nil {
				return fmt.Errorf("receiver report: %w", err)
			}
		}
	}
	c.due = c.earliest(now)
	return nil
}

// silence ends a session from which nothing comes any more, and asks for a sign of
// life after half of that time.
func (c *Client) silence(now time.Time) error {
	c.listen()
	quiet := now.Sub(c.heard)
	switch {
	case c.UDP && c.saidGoodbye(now):
		return errGoodbye
	case c.OtherWay && c.longest == 0 && now.Sub(c.media) >= c.ReadTimeout:
		return ErrNoMedia
	case quiet >= c.ReadTimeout:
		return fmt.Errorf("nothing has come for %s", c.ReadTimeout)
	case now.Sub(c.media) >= c.answersOnly():
		return fmt.Errorf("no media has come for %s, though the server answers", c.answersOnly())
	case quiet >= c.ReadTimeout/2 && c.probed != c.heard:
		c.probed, c.keepAliveAt = c.heard, now
	}
	return nil
}

// answersOnly returns how long a session goes on without media while its server answers:
// longer where pictures are known to be rare.
func (c *Client) answersOnly() time.Duration {
	return max(minAnswersOnly, 6*c.ReadTimeout, 4*c.longest)
}

// listen takes note of what came over UDP.
func (c *Client) listen() {
	for _, t := range c.tracks {
		if at := t.udp.heard(); at.After(c.media) {
			c.hear(at)
		}
	}
}

// hear notes that media, or a report about it, came.
func (c *Client) hear(at time.Time) {
	c.longest = max(c.longest, at.Sub(c.media), 1)
	c.media = at
	if at.After(c.heard) {
		c.heard = at
	}
}

// earliest returns when the next thing is due.
func (c *Client) earliest(now time.Time) time.Time {
	if !c.playing {
		return c.answerBy
	}
	next := c.heard.Add(c.ReadTimeout)
	if c.probed != c.heard {
		next = c.heard.Add(c.ReadTimeout / 2)
	}
	others := []time.Time{c.keepAliveAt, c.reportAt, c.media.Add(c.answersOnly())}
	if c.OtherWay && c.longest == 0 {
		others = append(others, c.media.Add(c.ReadTimeout))
	}
	for _, t := range others {
		if t.Before(next) {
			next = t
		}
	}
	return next
}

// lostControl goes on without a connection: media comes over UDP, and some cameras
// hang up. The next keep-alive connects again.
func (c *Client) lostControl(why error) {
	c.Log.Debug("the server closed the connection; media comes over UDP still", "reason", ended(why))
	c.hangUp()
}
