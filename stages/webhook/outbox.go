package webhook

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/wallclock"
)

const (
	suffix     = ".notice"
	maxWaiting = 100_000 // notices; bounds the disk space while a server is away
)

// maxUnstored bounds the notices that only memory holds.
const maxUnstored = 1000

// ErrUnstored reports that a notice could not be stored. It is sent from memory, and stored as soon
// as possible, but a crash before that loses it.
var ErrUnstored = errors.New("it is kept in memory alone")

// ErrFull reports that too many notices wait.
var ErrFull = fmt.Errorf("%d notices wait already", maxWaiting)

// Outbox is the durable queue of all webhooks of the process: a directory with a file for each
// notice. It is safe for concurrent use.
type Outbox struct {
	dir    string
	disk   durable.FS
	tasks  *pipeline.Tasks
	clock  pipeline.Clock
	wall   *wallclock.Judge
	log    *slog.Logger
	client *http.Client
	find   func(key string) (Target, bool) // see Options.Find

	mu    sync.Mutex       // guards the fields below
	lanes map[string]*lane // by URL, the lanes with notices
	count Counts
	moved chan struct{} // closed and replaced after each attempt
	last  int64         // number in the newest name: names sort by age
	held  int           // notices that only memory holds

	storing sync.Mutex // guards the fields below; held during disk writes
	spares  []string
	spared  int // number in the newest spare's name
	wanted  int // number of spare files to keep
}

// Counts counts the notices since the start.
type Counts struct{ Waiting, Delivered, Failed, GivenUp int }

// Options are the dependencies of an outbox.
type Options struct {
	Dir   string     // created if missing; one process uses it
	Disk  durable.FS // nil: the real one
	Tasks *pipeline.Tasks
	Clock pipeline.Clock
	Wall  *wallclock.Judge // reports whether the clock is trusted; nil: it is
	Log   *slog.Logger
	// Find returns the configured target of a key. A notice that an earlier process left is sent
	// only to such a target. nil: none is configured.
	Find func(key string) (Target, bool)
}

// Open opens a directory and starts to send the notices that an earlier process left in it.
func Open(o Options) (*Outbox, error) {
	if o.Disk == nil {
		o.Disk = durable.Below(filepath.Dir(o.Dir))
	}
	err := durable.MkdirAll(o.Disk, o.Dir, 0o700)
	var entries []fs.DirEntry
	if err == nil {
		entries, err = o.Disk.List(o.Dir) // sorted by name
	}
	if errors.Is(err, filesystem.ErrNotBelow) {
		o.Log.Error("notices are kept in memory alone, and those of an earlier run are not sent", "error", err)
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("webhook outbox: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.IdleConnTimeout = 10 * time.Second
	b := &Outbox{
		find: o.Find, dir: o.Dir, disk: o.Disk, wanted: spareFiles, tasks: o.Tasks, clock: o.Clock, wall: o.Wall, log: o.Log, lanes: map[string]*lane{}, moved: make(chan struct{}),
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	b.findSpares()
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), durable.Unfinished) {
			_ = o.Disk.Remove(filepath.Join(o.Dir, e.Name())) // left by a crash; the write had not been confirmed
		}
	}
	b.replayAll(entries)
	return b, nil
}

// replayAll queues the notices that an earlier process left, unless another user can have written
// them.
func (b *Outbox) replayAll(entries []fs.DirEntry) {
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !strings.HasSuffix(e.Name(), suffix) })
	if len(entries) == 0 {
		return
	}
	if disk, is := b.disk.(durable.Disk); is {
		if err := disk.Own.OurDirectory(b.dir); err != nil {
			b.log.Error("notices of an earlier run are not sent, and stay where they are", "error", err)
			return
		}
	}
	dropped := map[string]int{}
	for _, e := range entries {
		b.replay(e.Name(), dropped)
	}
	for _, host := range slices.Sorted(maps.Keys(dropped)) {
		b.log.Error("notices of an earlier run are dropped", "notices", dropped[host], "host", host, "error", errTarget)
	}
}

// Settle waits until every notice is delivered or its lane is failing, or until the context ends:
// the newest recordings are then notified before the process ends.
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

// quiet reports whether every lane with notices is failing. The caller holds b.mu.
func (b *Outbox) quiet() bool {
	for _, l := range b.lanes {
		if len(l.entries) > 0 && l.why == "" {
			return false
		}
	}
	return true
}

// move wakes Settle. The caller holds b.mu.
func (b *Outbox) move() {
	close(b.moved)
	b.moved = make(chan struct{})
}

// Close closes idle connections. The tasks end the lanes.
func (b *Outbox) Close() { b.client.CloseIdleConnections() }

// replay queues a file of an earlier process. It logs and leaves a file that is unreadable or that
// another user can have written, because a retry is pointless. It deletes a notice whose target is
// not configured any more, and counts it by host.
func (b *Outbox) replay(name string, dropped map[string]int) {
	n, host, err := b.read(name)
	switch {
	case errors.Is(err, errTarget):
		if err := b.disk.Remove(filepath.Join(b.dir, name)); err != nil {
			b.log.Warn("a dropped notice could not be deleted", "file", name, "error", err)
		}
		dropped[host]++
		b.mu.Lock()
		defer b.mu.Unlock()
		b.count.GivenUp++
	case err != nil:
		b.log.Error("a notice of an earlier run cannot be read and is not sent", "file", name, "error", err)
	default:
		b.queue(&entry{name: name}, n.Target.URL)
	}
}

// load reads a notice to send. A file that this process has stored must be unchanged; a file of an
// earlier process must belong to spool's user and have a configured target.
func (b *Outbox) load(e *entry) (n Notice, err error) {
	switch {
	case e.unstored != nil:
		return *e.unstored, nil
	case e.sum == [sha256.Size]byte{}:
		n, _, err = b.read(e.name)
		return n, err
	}
	text, err := b.disk.Read(filepath.Join(b.dir, e.name))
	if err == nil && sha256.Sum256(text) != e.sum {
		err = fmt.Errorf("%w: it was changed since it was stored", filesystem.ErrNotOurs)
	}
	if err != nil {
		return n, err
	}
	n, _, err = decode(text)
	n.Target = e.target
	return n, err
}

// errTarget reports a notice whose target is not configured any more.
var errTarget = errors.New("the configuration has no such webhook any more, neither in a pipeline nor under declare.webhooks")

// read reads a notice that an earlier process left, and its configured target.
func (b *Outbox) read(name string) (n Notice, host string, err error) {
	text, err := b.disk.ReadOurs(filepath.Join(b.dir, name))
	if err != nil {
		return n, "", err
	}
	n, of, err := decode(text)
	if err != nil {
		return n, "", err
	}
	has := false
	if b.find != nil {
		n.Target, has = b.find(of.Target)
	}
	if !has {
		err = errTarget
	}
	return n, of.Host, err
}

// Put stores a notice. When it returns nil, the notice survives a power cut and is sent until it is
// delivered or given up. After ErrUnstored it is sent all the same.
func (b *Outbox) Put(n Notice) error {
	text, err := encode(&n)
	if err != nil {
		return err
	}
	name, err := b.name()
	if err != nil {
		return err
	}
	e := &entry{name: name, sum: sha256.Sum256(text), target: n.Target}
	if err = b.write(name, text); err != nil {
		if !b.hold() {
			return fmt.Errorf("webhook outbox: %w", err)
		}
		e.unstored = &n
		err = fmt.Errorf("webhook outbox: %w: %w", ErrUnstored, err)
	}
	b.queue(e, n.Target.URL)
	return err
}

// hold counts a notice that only memory holds. It returns false beyond maxUnstored.
func (b *Outbox) hold() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held >= maxUnstored {
		return false
	}
	b.held++
	return true
}

// store stores a notice that could not be stored before.
func (b *Outbox) store(e *entry) {
	text, err := encode(e.unstored)
	if err == nil {
		err = b.write(e.name, text)
	}
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.held--
		e.unstored = nil
	}
}

// name returns a name greater than all before, even when the clock was set back.
func (b *Outbox) name() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count.Waiting >= maxWaiting {
		return "", ErrFull
	}
	b.last = max(b.last+1, b.clock.Now().UnixNano())
	return fmt.Sprintf("%016x", b.last) + suffix, nil
}

// write stores a notice under a name. On a full disk it uses a spare file.
func (b *Outbox) write(name string, text []byte) error {
	b.storing.Lock()
	defer b.storing.Unlock()
	path := filepath.Join(b.dir, name)
	err := durable.Replace(b.disk, path, text, 0o600)
	switch {
	case err == nil:
		b.keepSpares()
	case noRoom(err):
		if b.takeSpare(path, text) == nil {
			err = nil
		}
	}
	return err
}

// queue adds a notice to its lane, and starts the lane if needed.
func (b *Outbox) queue(e *entry, url string) {
	e.queued = b.clock.Now()
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
	l.entries = append(l.entries, e)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// remove ends a notice: it deletes its file, unless that is to be left, and then its entry.
func (b *Outbox) remove(l *lane, e *entry, how *int) {
	unstored := e.unstored != nil
	var err error
	if !e.left {
		err = b.disk.Remove(filepath.Join(b.dir, e.name))
	}
	if err == nil && b.only(l) { // it also syncs the earlier deletions: a power cut restores none of them
		err = b.disk.SyncDir(b.dir)
	}
	if err != nil && !unstored {
		b.log.Warn("a finished notice could not be deleted; it is sent again after a restart", "file", e.name, "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.move()
	*how++
	b.count.Waiting--
	if unstored {
		b.held--
	}
	i := slices.Index(l.entries, e) // usually the first one
	if i == 0 {
		l.entries[0] = nil
		l.entries = l.entries[1:]
		return
	}
	l.entries = slices.Delete(l.entries, i, i+1)
}

// only reports whether a lane has exactly one notice.
func (b *Outbox) only(l *lane) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(l.entries) == 1
}

// Waiting returns the number of notices that wait for a URL, and the error of the last attempt,
// empty when that succeeded.
func (b *Outbox) Waiting(url string) (n int, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.lanes[url]; l != nil {
		return len(l.entries), l.why
	}
	return 0, ""
}

// Counts returns the counts of notices since the start.
func (b *Outbox) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
