package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrNoMedia is the error of a server that plays without sending media.
var ErrNoMedia = errors.New("the server plays, but no media arrives")

var errGoodbye = errors.New("the server ended the stream: it said goodbye for every track")

// schedule holds the times of all due actions. One goroutine does everything: a wait for the server ends when an
// action is due (patient), and continues after it.
type schedule struct {
	readAt      time.Time     // of the newest bytes
	heard       time.Time     // the newest media, report or answer
	media       time.Time     // the newest packet or report
	longest     time.Duration // longest time between two of them
	probed      time.Time     // value of heard when a keep-alive asked for another
	answerBy    time.Time     // deadline of the pending request; zero: none
	stopBy      time.Time     // deadline of TEARDOWN
	keepAliveAt time.Time
	reportAt    time.Time
	due         time.Time // the earliest of all these
	armed       time.Time // the deadline set on the connection
}

// patient reads from the connection, and performs the due actions meanwhile.
type patient struct{ *Client }

// Read never returns a timeout.
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
			c.armed = time.Time{} // interrupt may have ended the wait
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

// Run takes media until the session ends, and returns the reason as an error.
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

// tick performs the due actions.
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

// silence ends a session without data, and sends a keep-alive after half of that time.
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

// answersOnly returns the time for which a session continues without media while its server answers: longer if its
// pictures are rare.
func (c *Client) answersOnly() time.Duration {
	return max(minAnswersOnly, 6*c.ReadTimeout, 4*c.longest)
}

// listen records the data that arrived over UDP.
func (c *Client) listen() {
	for _, t := range c.tracks {
		if at := t.udp.heard(); at.After(c.media) {
			c.hear(at)
		}
	}
}

// hear records that media, or a report about it, arrived.
func (c *Client) hear(at time.Time) {
	c.longest = max(c.longest, at.Sub(c.media), 1)
	c.media = at
	if at.After(c.heard) {
		c.heard = at
	}
}

// earliest returns the time of the next due action.
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

// lostControl continues without a connection: media arrives over UDP, and some cameras close the connection. The next
// keep-alive connects again.
func (c *Client) lostControl(why error) {
	c.Log.Debug("the server closed the connection; media comes over UDP still", "reason", ended(why))
	c.hangUp()
}
