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

// lane sends the notices for one URL one after another, the oldest first.
//
// A server that does not answer delays all of them. A notice that the server refuses delays only
// itself. The lane ends when no notice waits.
type lane struct {
	outbox *Outbox
	url    string
	host   string
	more   chan struct{} // holds a token when something was added

	entries []*entry // with why guarded by outbox.mu
	why     string

	// Only the lane's task uses these.
	backoff pipeline.Backoff
	until   time.Time // no attempt before this time
	failing bool
	dropped bool // a notice was dropped because its target is not configured any more
}

// entry is a notice in a lane.
type entry struct {
	name     string
	sum      [sha256.Size]byte // of its file, when this process has stored it
	target   Target            // when this process has stored it
	left     bool              // remove leaves its file alone: another user may have written it
	unstored *Notice           // set while the notice could not be stored; only the lane's task uses it once it is queued
	backoff  pipeline.Backoff
	due      time.Time
	queued   time.Time // by this process
}

// run does not use pipeline.Retry: each notice has a backoff of its own, the server has one for
// all, and each attempt may concern another notice.
func (l *lane) run(ctx context.Context) error {
	for ctx.Err() == nil {
		e, at := l.next()
		if e == nil {
			return nil
		}
		now := l.outbox.clock.Now()
		if at.After(now) {
			pipeline.Sleep(ctx, l.outbox.clock, at.Sub(now), l.more) // more interrupts the wait: a new notice may be due at once
			continue
		}
		l.try(ctx, e)
	}
	return nil
}

// next returns the notice to try next, and when. nil ends the lane.
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
		if first.due.IsZero() { // the oldest of those never tried
			break
		}
	}
	if at = first.due; l.until.After(at) {
		at = l.until
	}
	return first, at
}

// try sends a notice once and handles the outcome.
func (l *lane) try(ctx context.Context, e *entry) {
	b := l.outbox
	n, err := b.load(e)
	if errno := syscall.Errno(0); errors.As(err, &errno) && !errors.Is(err, os.ErrNotExist) { // an error of the disk, or too few descriptors
		l.failed(fmt.Errorf("the notice cannot be read now: %w", err))
		l.until = b.clock.Now().Add(l.backoff.Next())
		return
	}
	if errors.Is(err, errTarget) { // a reload removed it
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
		b.log.Error("a notice is not readable any more and is lost", "file", e.name, "error", err)
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

// minTryingTime is the least time for which a process tries a notice: the creation time of an older
// notice may be wrong.
const minTryingTime = time.Hour

// tooOld reports whether the attempts to send a notice have lasted long enough: those of this
// process and, as far as the present clock and the clock at its creation are trusted, the time
// since its creation. Setting the wall clock does not make a notice older.
func (b *Outbox) tooOld(e *entry, n *Notice) bool {
	now, giveUp := b.clock.Now(), n.GiveUp.D()
	tried, made := now.Sub(e.queued), time.Unix(0, n.CreatedUTC)
	before := min(e.queued.Sub(made), now.Round(0).Sub(made)-tried) // by the clock then, and by the clock now
	believed := b.wall == nil || b.wall.Read().Believed()
	if !believed || made.Before(wallclock.Plausible) {
		before = 0
	}
	return tried > min(giveUp, minTryingTime) && tried > giveUp-max(before, 0)
}

func (l *lane) worked() {
	if l.failing {
		l.outbox.log.Info("the webhook's server answers again", "host", l.host)
	}
	l.failing, l.until = false, time.Time{}
	l.backoff.Reset()
	l.note("", 0)
}

// failed records a failure. It logs only the first of a row.
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

// refusal is a response that concerns the notice, not the server.
type refusal struct{ status int }

// Error returns the answer's status.
func (r *refusal) Error() string {
	return fmt.Sprintf("the server refuses the notice: %d %s", r.status, http.StatusText(r.status))
}

// post sends a notice. Only a 2xx response counts as delivered.
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
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be reused
	switch s := answer.StatusCode; {
	case s >= 200 && s < 300:
		return nil
	case s >= 500 || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout:
		return fmt.Errorf("the server answers %d %s", s, http.StatusText(s))
	default:
		return &refusal{s}
	}
}

// withoutURL removes the quoted URL from an error, because the URL may contain a token.
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
