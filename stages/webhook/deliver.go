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

// lane sends the notices for one URL, one at a time, the oldest first.
//
// While the server does not answer, all notices of the lane wait. If the server refuses a notice,
// only that notice waits, and the lane sends the next ones. The lane ends when it has no notice.
type lane struct {
	outbox *Outbox
	url    string
	host   string
	more   chan struct{} // holds a token after a notice was added

	entries []*entry // the oldest first; guarded by outbox.mu, like why
	why     string   // error of the newest attempt; empty if it succeeded, or before the first

	// Only the lane's task uses the following fields.
	backoff pipeline.Backoff
	until   time.Time // no attempt before this time, because the server or the disk failed
	failing bool      // the newest attempt failed
	dropped bool      // a notice was dropped because its target is no longer configured
}

// entry is one notice in a lane.
type entry struct {
	name     string
	sum      [sha256.Size]byte // hash of the notice's file; zero if an earlier process stored the file
	target   Target            // zero if an earlier process stored the notice
	left     bool              // remove leaves the file, because another user may have written it
	unstored *Notice           // the notice while it is in memory only, else nil; used by the lane's task only
	backoff  pipeline.Backoff
	due      time.Time // time of the next attempt after a refusal; zero: the server has not refused the notice
	queued   time.Time // when this process queued the notice
}

// run sends notices until the lane is empty or ctx ends. It does not use pipeline.Retry: each
// notice has a backoff of its own, the server has a further one, and two attempts in a row may
// concern different notices.
func (l *lane) run(ctx context.Context) error {
	for ctx.Err() == nil {
		e, at := l.next()
		if e == nil {
			return nil
		}
		now := l.outbox.clock.Now()
		if at.After(now) {
			pipeline.Sleep(ctx, l.outbox.clock, at.Sub(now), l.more) // l.more ends the wait for a new notice
			continue
		}
		l.try(ctx, e)
	}
	return nil
}

// next returns the notice to send next, and the time at which to send it. If the lane has no
// notice, next deletes the lane and returns nil.
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
		if first.due.IsZero() { // the oldest notice that the server has not refused
			break
		}
	}
	if at = first.due; l.until.After(at) {
		at = l.until
	}
	return first, at
}

// try makes one attempt to send a notice. It then removes the notice, or sets the time of the next
// attempt; if ctx ends, it does neither. The file of a notice that is not spool's
// (filesystem.ErrNotOurs) stays on the disk.
func (l *lane) try(ctx context.Context, e *entry) {
	b := l.outbox
	n, err := b.load(e)
	// The disk failed, or too many files are open: the lane tries again later.
	if errno := syscall.Errno(0); errors.As(err, &errno) && !errors.Is(err, os.ErrNotExist) {
		l.failed(fmt.Errorf("the notice cannot be read now: %w", err))
		l.until = b.clock.Now().Add(l.backoff.Next())
		return
	}
	if errors.Is(err, errTarget) { // a reload removed the target
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
		return // the next start sends the notice again
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

// minTryingTime is the shortest time for which a process tries a notice, unless Notice.GiveUp is
// shorter: the creation time, from which the age of the notice counts, may be wrong.
const minTryingTime = time.Hour

// tooOld reports whether to drop a notice because it could not be delivered for its GiveUp. The age
// counts from the creation of the notice if the wall clock is trusted now and the time of the
// creation is plausible. Otherwise the age counts from the time at which this process queued the
// notice. Setting the wall clock does not make a notice older. tooOld returns false until this
// process has tried the notice for minTryingTime, or for GiveUp if that is shorter.
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

// failed records that an attempt to send a notice of the lane failed with err. It logs only the
// first of several failures in a row.
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

// refusal is the error of a response by which the server refuses one notice, so that the lane
// continues with the next.
type refusal struct{ status int }

// Error returns the status of the response.
func (r *refusal) Error() string {
	return fmt.Sprintf("the server refuses the notice: %d %s", r.status, http.StatusText(r.status))
}

// post makes the HTTP request for a notice. It returns nil only for a 2xx response. A response that
// means a failure of the server (5xx, 408 or 429) is an ordinary error, and any other response a
// *refusal.
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

// withoutURL removes the URL from the text of an HTTP client's error, because the URL may contain a
// token.
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
