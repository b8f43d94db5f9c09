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
	maxWaiting = 100_000 // most notices that wait, so that a server that is away does not fill the disk
)

// maxUnstored is the most notices that wait in memory only.
const maxUnstored = 1000

// ErrUnstored means that the disk failed to store a notice. The outbox sends the notice from memory, and stores it
// if an attempt to send it fails. A crash before that loses the notice.
var ErrUnstored = errors.New("it is kept in memory alone")

// ErrFull means that the outbox does not accept a notice because too many wait.
var ErrFull = fmt.Errorf("%d notices wait already", maxWaiting)

// Outbox is the durable queue of the notices of all webhooks of the process: a directory with one file for each
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
	lanes map[string]*lane // lanes with notices, by URL
	count Counts
	moved chan struct{} // closed and replaced after each attempt
	last  int64         // number in the newest file name; the names sort by the age of their notices
	held  int           // number of notices in memory only

	storing sync.Mutex // held during writes to the disk; guards the fields below
	spares  []string   // names of the spare files: see takeSpare
	spared  int        // number in the name of the newest spare file
	wanted  int        // number of spare files to keep
}

// Counts holds the number of notices that wait, and the numbers since the start of the process: delivered notices,
// failed attempts, and notices that were dropped undelivered.
type Counts struct{ Waiting, Delivered, Failed, GivenUp int }

// Options holds the dependencies of an outbox.
type Options struct {
	Dir   string     // created if missing; only one process uses it
	Disk  durable.FS // nil: the real file system
	Tasks *pipeline.Tasks
	Clock pipeline.Clock
	Wall  *wallclock.Judge // decides whether the wall clock is trusted; nil: it is
	Log   *slog.Logger
	// Find returns the configured target with a key (Target.Key); false: there is none. A notice of
	// an earlier process is sent only to a target that Find returns, and is otherwise dropped. A nil
	// Find returns no target.
	Find func(key string) (Target, bool)
}

// Open opens the directory and starts to send the notices in it. If the directory leads out of its parent by a
// symbolic link, the outbox logs that and keeps notices in memory only. Any other failure of the disk is an error.
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
			_ = o.Disk.Remove(filepath.Join(o.Dir, e.Name())) // left by a crash before the write was confirmed
		}
	}
	b.replayAll(entries)
	return b, nil
}

// replayAll queues the notices of an earlier process, which entries lists. If another user can write to the directory,
// it queues none and logs an error.
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

// Settle waits until each notice is delivered or the newest attempt of its lane failed, or until ctx ends. It is
// called before the process ends, so that the notices of the newest recordings are sent.
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

// quiet reports whether the newest attempt failed in every lane that has notices. The caller holds b.mu.
func (b *Outbox) quiet() bool {
	for _, l := range b.lanes {
		if len(l.entries) > 0 && l.why == "" {
			return false
		}
	}
	return true
}

// move wakes Settle after an attempt to send a notice. The caller holds b.mu.
func (b *Outbox) move() {
	close(b.moved)
	b.moved = make(chan struct{})
}

// Close closes idle connections to the servers. The lanes end with Options.Tasks.
func (b *Outbox) Close() { b.client.CloseIdleConnections() }

// replay queues the notice in a file of an earlier process. It logs and keeps a file that cannot be read or that
// another user can have written. It deletes a notice whose target is no longer configured, and adds 1 to
// dropped[host], where host is that of the target.
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

// load reads the notice of an entry. If this process stored the file, the file must be unchanged, else the error is
// filesystem.ErrNotOurs. A file of an earlier process must belong to spool's user, and its target must be
// configured: see read.
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

// errTarget is the error of a notice whose target is no longer configured.
var errTarget = errors.New("the configuration has no such webhook any more, neither in a pipeline nor under declare.webhooks")

// read reads the notice in a file of an earlier process, and finds its target. host is the host of the target's URL.
// The error is errTarget, and host is set, if the target is not configured.
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

// Put stores a notice and queues it. If Put returns nil, the notice survives a power cut. If it returns nil or
// ErrUnstored, the outbox sends the notice until it is delivered, or until it is older than GiveUp. Any other error,
// such as ErrFull, means that the notice is lost.
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

// hold adds 1 to b.held, the number of notices in memory only. At maxUnstored it adds nothing and returns false.
func (b *Outbox) hold() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held >= maxUnstored {
		return false
	}
	b.held++
	return true
}

// store writes the notice e.unstored to the disk. If the disk fails again, the notice stays in memory.
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

// name returns a file name that sorts after all earlier ones, even if the clock was set back. It returns ErrFull if
// maxWaiting notices wait.
func (b *Outbox) name() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count.Waiting >= maxWaiting {
		return "", ErrFull
	}
	b.last = max(b.last+1, b.clock.Now().UnixNano())
	return fmt.Sprintf("%016x", b.last) + suffix, nil
}

// write stores a notice in the file name. If the disk is full, it uses a spare file (see takeSpare).
func (b *Outbox) write(name string, text []byte) error {
	b.storing.Lock()
	defer b.storing.Unlock()
	path := filepath.Join(b.dir, name)
	err := durable.Replace(b.disk, path, text, 0o600)
	switch {
	case err == nil:
		b.keepSpares()
	case filesystem.NoRoom(err):
		if b.takeSpare(path, text) == nil {
			err = nil
		}
	}
	return err
}

// queue adds a notice to the lane of its URL (see lane). If the URL has no lane, queue makes and starts one.
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

// remove deletes the file of e, unless e.left is set, and removes e from l. It adds 1 to *how, a field of b.count.
func (b *Outbox) remove(l *lane, e *entry, how *int) {
	unstored := e.unstored != nil
	var err error
	if !e.left {
		err = b.disk.Remove(filepath.Join(b.dir, e.name))
	}
	// With the last notice of the lane, the deletions are made durable: a power cut then restores no
	// file.
	if err == nil && b.only(l) {
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
	i := slices.Index(l.entries, e) // usually 0
	if i == 0 {
		l.entries[0] = nil
		l.entries = l.entries[1:]
		return
	}
	l.entries = slices.Delete(l.entries, i, i+1)
}

// only reports whether the lane l has exactly one notice. It locks b.mu.
func (b *Outbox) only(l *lane) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(l.entries) == 1
}

// Waiting returns the number of notices that wait for a URL. why is the error of the newest attempt for the URL, or
// "" if it succeeded or no notice waits.
func (b *Outbox) Waiting(url string) (n int, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.lanes[url]; l != nil {
		return len(l.entries), l.why
	}
	return 0, ""
}

// Counts returns the present counts.
func (b *Outbox) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
