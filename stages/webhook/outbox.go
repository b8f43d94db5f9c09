package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

const (
	suffix     = ".notice"
	unfinished = ".new"
	maxWaiting = 100_000 // notices; a server that is away for long must not fill the disk
)

// ErrFull says that too many notices wait.
var ErrFull = fmt.Errorf("%d notices wait already", maxWaiting)

// Outbox is the durable queue of all webhooks of the process: a directory with a
// file for each notice. It is safe for concurrent use.
type Outbox struct {
	dir    string
	tasks  *pipeline.Tasks
	clock  pipeline.Clock
	log    *slog.Logger
	client *http.Client

	mu    sync.Mutex
	lanes map[string]*lane // by URL, those with something to send
	count Counts
	moved chan struct{} // closed and replaced when a notice was tried
	last  int64         // number in the newest name: names are the order of age
}

// Counts are what became of notices since the start.
type Counts struct{ Waiting, Delivered, Failed, GivenUp int }

// Options are what an outbox needs.
type Options struct {
	Dir   string // made where it is missing; of one process
	Tasks *pipeline.Tasks
	Clock pipeline.Clock
	Log   *slog.Logger
}

// Open takes a directory and begins to send what an earlier process left in it.
func Open(o Options) (*Outbox, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("webhook outbox: %w", err)
	}
	entries, err := os.ReadDir(o.Dir) // in the order of names
	if err != nil {
		return nil, fmt.Errorf("webhook outbox: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.IdleConnTimeout = 10 * time.Second
	b := &Outbox{
		dir: o.Dir, tasks: o.Tasks, clock: o.Clock, log: o.Log, lanes: map[string]*lane{}, moved: make(chan struct{}),
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), unfinished) {
			_ = os.Remove(filepath.Join(o.Dir, e.Name())) // of a crash; it was never promised
		}
		if strings.HasSuffix(e.Name(), suffix) {
			b.replay(e.Name())
		}
	}
	return b, nil
}

// Settle waits until the servers that answer have been told all there is, or for
// the context: what is recorded last is then not told at the next start only.
func (b *Outbox) Settle(ctx context.Context) {
	for {
		b.mu.Lock()
		quiet, moved := b.quiet(), b.moved
		b.mu.Unlock()
		if quiet {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// quiet tells whether every lane with something to send has failed. The caller
// holds b.mu.
func (b *Outbox) quiet() bool {
	for _, l := range b.lanes {
		if len(l.entries) > 0 && l.why == "" {
			return false
		}
	}
	return true
}

// move wakes who settles. The caller holds b.mu.
func (b *Outbox) move() {
	close(b.moved)
	b.moved = make(chan struct{})
}

// Close lets go of idle connections. The tasks end the rest.
func (b *Outbox) Close() { b.client.CloseIdleConnections() }

// replay queues a file of an earlier process. One that cannot be read is left and
// said once: it is of no use to try it again.
func (b *Outbox) replay(name string) {
	n, err := b.read(name)
	if err != nil {
		b.log.Error("a notice of an earlier run cannot be read and is not sent", "file", name, "error", err)
		return
	}
	b.queue(name, n.URL)
}

func (b *Outbox) read(name string) (n Notice, err error) {
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err == nil && (n.URL == "" || n.ID == "" || len(n.Body) == 0) {
		err = errors.New("it is not a notice")
	}
	return n, err
}

// Put stores a notice. When it returns nil the notice outlives a power cut, and is
// sent until it has arrived or is given up.
func (b *Outbox) Put(n Notice) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	name, err := b.name()
	if err != nil {
		return err
	}
	if err := b.write(name, text); err != nil {
		return fmt.Errorf("webhook outbox: %w", err)
	}
	b.queue(name, n.URL)
	return nil
}

// name is one above all before, also when the clock was set back.
func (b *Outbox) name() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count.Waiting >= maxWaiting {
		return "", ErrFull
	}
	b.last = max(b.last+1, b.clock.Now().UnixNano())
	return fmt.Sprintf("%016x", b.last) + suffix, nil
}

// write is: bytes, fsync, rename, fsync of the directory.
func (b *Outbox) write(name string, text []byte) (err error) {
	path := filepath.Join(b.dir, name)
	f, err := os.OpenFile(path+unfinished, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(b.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// queue adds a stored notice to its lane, which is begun where there is none.
func (b *Outbox) queue(name, url string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count.Waiting++
	l := b.lanes[url]
	if l == nil {
		l = &lane{outbox: b, url: url, host: hostOf(url), more: make(chan struct{}, 1)}
		l.backoff.Min, l.backoff.Max = time.Second, time.Minute
		b.lanes[url] = l
		b.tasks.Go("webhook "+l.host, l.run)
	}
	l.entries = append(l.entries, &entry{name: name})
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// remove ends a notice: its file goes, then its place in the lane.
func (b *Outbox) remove(l *lane, e *entry, how *int) {
	if err := os.Remove(filepath.Join(b.dir, e.name)); err != nil {
		b.log.Warn("a notice that was dealt with could not be removed; it is sent again after a restart", "file", e.name, "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.move()
	*how++
	b.count.Waiting--
	i := slices.Index(l.entries, e) // the first one, mostly
	if i == 0 {
		l.entries[0] = nil
		l.entries = l.entries[1:]
		return
	}
	l.entries = slices.Delete(l.entries, i, i+1)
}

// Waiting is how many notices wait for a URL, and why the last attempt failed;
// empty where it did not.
func (b *Outbox) Waiting(url string) (n int, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.lanes[url]; l != nil {
		return len(l.entries), l.why
	}
	return 0, ""
}

// Counts tells what became of notices since the start.
func (b *Outbox) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
