package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrNoMedia is the error of a server that answers PLAY and sends no media within ReadTimeout: see Options.OtherWay.
var ErrNoMedia = errors.New("the server plays, but no media arrives")

var errGoodbye = errors.New("the server ended the stream: it said goodbye for every track")

// schedule holds the times at which the client must act. One goroutine waits for the server and acts: patient.Read
// stops waiting when an action is due, calls tick, and waits again.
type schedule struct {
	readAt      time.Time     // arrival of the newest bytes
	heard       time.Time     // arrival of the newest media, report, answer or request
	media       time.Time     // arrival of the newest packet or report; before the first, the start of Run
	longest     time.Duration // longest time between two packets or reports; 0: none arrived
	probed      time.Time     // value of heard when silence last made a keep-alive due
	answerBy    time.Time     // deadline of the request that await waits for; zero: none
	stopBy      time.Time     // deadline of the answer to TEARDOWN
	keepAliveAt time.Time
	reportAt    time.Time
	due         time.Time // the earliest time at which the client must act
	armed       time.Time // the read deadline that was set on the connection
}

// patient is the io.Reader of the client's connection. It performs the due actions (see schedule) while it waits for
// bytes.
type patient struct{ *Client }

// Read reads bytes of the server into b. It never returns a timeout. If the connection ends during Run and media
// arrives over UDP, Read returns no error, but waits for a new connection.
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
		if !c.closing && c.ctx.Err() != nil { // after SetReadDeadline, which may undo interrupt
			return 0, context.Cause(c.ctx)
		}
		n, err := c.nc.Read(b)
		switch {
		case n > 0:
			c.readAt = time.Now()
			return n, nil
		case err == nil:
		case timedOut(err):
			c.armed = time.Time{} // interrupt may have set another deadline
		case c.UDP && c.playing:
			c.lostControl(err)
		default:
			c.broken = true
			return 0, err
		}
	}
}

// pause waits until an action is due, in place of a read: the client has no connection, and media arrives over UDP. It
// returns an error if ctx ends or the client is closing.
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

// Run receives media and calls the callbacks until the session ends. It returns the reason of the end, never nil.
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

// tick performs the due actions and schedules the next. An error ends the session.
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

// silence returns an error if the session is over for one of these reasons:
//
//   - every track has ended with a goodbye, over UDP;
//   - with OtherWay, no media has come within ReadTimeout from the start of Run (ErrNoMedia);
//   - nothing has come for ReadTimeout;
//   - answers have come and no media for the time answersOnly.
//
// After a silence of half of ReadTimeout it makes a keep-alive due, so that the server answers.
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

// answersOnly returns the time for which a session continues without media while its server answers. It is longer for a
// server whose pictures are rare.
func (c *Client) answersOnly() time.Duration {
	return max(minAnswersOnly, 6*c.ReadTimeout, 4*c.longest)
}

// listen records the arrival of media over UDP, which other goroutines receive.
func (c *Client) listen() {
	for _, t := range c.tracks {
		if at := t.udp.heard(); at.After(c.media) {
			c.hear(at)
		}
	}
}

// hear records the arrival of a packet or report at a time.
func (c *Client) hear(at time.Time) {
	c.longest = max(c.longest, at.Sub(c.media), 1)
	c.media = at
	if at.After(c.heard) {
		c.heard = at
	}
}

// earliest returns the time at which the next action is due. Before Run that is the deadline of the awaited answer; it
// is zero if the client awaits none.
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

// lostControl closes the connection of a session over UDP after the error why. The session continues: media still
// arrives, and some cameras close the connection while they send. The next keep-alive connects again.
func (c *Client) lostControl(why error) {
	c.Log.Debug("the server closed the connection; media comes over UDP still", "reason", ended(why))
	c.hangUp()
}
