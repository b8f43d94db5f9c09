package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/wallclock"
)

// lane is the notices for one URL, sent one after another, the oldest first.
//
// A server that is away delays all of them; a notice that the server refuses
// delays itself only. The lane ends when nothing waits.
type lane struct {
	outbox *Outbox
	url    string
	host   string
	more   chan struct{} // holds a token when something was added

	entries []*entry // with why guarded by outbox.mu
	why     string

	// Of the lane's task alone.
	backoff pipeline.Backoff
	until   time.Time // the server is left alone
	failing bool
	dropped bool // notices, for want of a target
}

// entry is a notice on the disk.
type entry struct {
	name     string
	sum      [sha256.Size]byte // of its file, where this process has stored it
	target   Target            // likewise
	left     bool              // its file stays: it is not for us to send or to remove
	unstored *Notice           // not nil: it could not be stored; of the lane's task alone once it is queued
	backoff  pipeline.Backoff
	due      time.Time
	queued   time.Time // in this process
}

// run is no pipeline.Retry: what is tried next is another notice, as each has a wait of
// its own, and the server one for all.
func (l *lane) run(ctx context.Context) error {
	for ctx.Err() == nil {
		e, at := l.next()
		if e == nil {
			return nil
		}
		now := l.outbox.clock.Now()
		if at.After(now) {
			pipeline.Sleep(ctx, l.outbox.clock, at.Sub(now), l.more) // at most until there is perhaps one that need not wait
			continue
		}
		l.try(ctx, e)
	}
	return nil
}

// next returns the notice that is to be tried first and when; nil ends the lane.
func (l *lane) next() (first *entry, at time.Time) {
	b := l.outbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(l.entries) == 0 {
		delete(b.lanes, l.url)
		return nil, at
	}
	for _, e := range l.entries {
		if first == nil || e.due.Before(first.due) {
			first = e
		}
		if first.due.IsZero() { // never tried: the oldest of those
			break
		}
	}
	if at = first.due; l.until.After(at) {
		at = l.until
	}
	return first, at
}

// try sends a notice once and decides what becomes of it.
func (l *lane) try(ctx context.Context, e *entry) {
	b := l.outbox
	n, err := b.load(e)
	if errno := syscall.Errno(0); errors.As(err, &errno) && !errors.Is(err, os.ErrNotExist) { // of the disk, or for want of descriptors
		l.failed(fmt.Errorf("the notice cannot be read now: %w", err))
		l.until = b.clock.Now().Add(l.backoff.Next())
		return
	}
	if errors.Is(err, errTarget) { // since a reload
		if !l.dropped {
			b.log.Error("a notice of an earlier run is dropped; further ones for this server are counted", "host", l.host, "error", err)
		}
		l.dropped = true
		b.remove(l, e, &b.count.GivenUp)
		return
	}
	if errors.Is(err, filesystem.ErrNotOurs) {
		b.log.Error("a notice is not sent, and stays where it is", "file", e.name, "error", err)
		e.left = true
		b.remove(l, e, &b.count.GivenUp)
		return
	}
	if err != nil {
		b.log.Error("a notice cannot be read any more and is lost", "file", e.name, "error", err)
		b.remove(l, e, &b.count.GivenUp)
		return
	}
	err = l.post(ctx, &n)
	if ctx.Err() != nil {
		return // it is sent again after the restart
	}
	if err == nil {
		l.worked()
		b.remove(l, e, &b.count.Delivered)
		return
	}
	l.failed(err)
	if e.unstored != nil {
		b.store(e)
	}
	if b.tooOld(e, &n) {
		b.log.Error("a notice could not be delivered for too long and is dropped", "host", l.host, "notice", n.ID, "error", err)
		b.remove(l, e, &b.count.GivenUp)
		return
	}
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		e.backoff.Min, e.backoff.Max = time.Second, 10*time.Minute
		e.due = b.clock.Now().Add(e.backoff.Next())
		return
	}
	l.until = b.clock.Now().Add(l.backoff.Next())
}

// leastTried is for how long a process tries a notice at least: what the clock says
// of one from before may be wrong.
const leastTried = time.Hour

// tooOld reports whether a notice has been tried for long enough: by this process and,
// as far as the clock of now and that of then can be believed, since it was made. A
// wall clock that is set meanwhile makes it no older.
func (b *Outbox) tooOld(e *entry, n *Notice) bool {
	now, giveUp := b.clock.Now(), n.GiveUp.D()
	tried, made := now.Sub(e.queued), time.Unix(0, n.Created)
	before := min(e.queued.Sub(made), now.Round(0).Sub(made)-tried) // by the clock as it was, and as it is
	believed := b.wall == nil || b.wall.Read().Believed()
	if !believed || made.Before(wallclock.Plausible) {
		before = 0
	}
	return tried > min(giveUp, leastTried) && tried > giveUp-max(before, 0)
}

func (l *lane) worked() {
	if l.failing {
		l.outbox.log.Info("the webhook's server answers again", "host", l.host)
	}
	l.failing, l.until = false, time.Time{}
	l.backoff.Reset()
	l.note("", 0)
}

// failed is logged when it begins, not each time.
func (l *lane) failed(err error) {
	if !l.failing {
		l.outbox.log.Warn("a webhook could not be delivered; its notices wait on the disk and are tried again", "host", l.host, "error", err)
	}
	l.failing = true
	l.note(err.Error(), 1)
}

func (l *lane) note(why string, failures int) {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	defer l.outbox.move()
	l.why = why
	l.outbox.count.Failed += failures
}

// refusal is an answer that is about the notice, not about the server.
type refusal struct{ status int }

// Error returns the answer's status.
func (r *refusal) Error() string {
	return fmt.Sprintf("the server refuses the notice: %d %s", r.status, http.StatusText(r.status))
}

// post sends a notice. Only an answer of 2xx is its arrival.
func (l *lane) post(ctx context.Context, n *Notice) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(n.Timeout))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.Target.URL, bytes.NewReader(n.Body))
	if err != nil {
		return withoutURL(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "spool")
	r.Header.Set("webhook-id", n.ID)
	at := strconv.FormatInt(l.outbox.clock.Now().Unix(), 10)
	r.Header.Set("webhook-timestamp", at)
	key, err := secret(&n.Target)
	if err != nil {
		return err
	}
	if len(key) > 0 {
		r.Header.Set("webhook-signature", Sign(key, n.ID, at, n.Body))
	}
	answer, err := l.outbox.client.Do(r)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	switch s := answer.StatusCode; {
	case s >= 200 && s < 300:
		return nil
	case s >= 500 || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout:
		return fmt.Errorf("the server answers %d %s", s, http.StatusText(s))
	default:
		return &refusal{s}
	}
}

// withoutURL is an error without the URL that it quotes: there may be a token in it.
func withoutURL(err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "?"
	}
	return u.Host
}
