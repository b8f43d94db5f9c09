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
	maxWaiting = 100_000 // notices; a server that is away for long must not fill the disk
)

// maxUnstored bounds the notices that are in memory alone.
const maxUnstored = 1000

// ErrUnstored says that a notice could not be stored: it is sent from memory, and
// stored as soon as that works, but does not outlive a crash before.
var ErrUnstored = errors.New("it is kept in memory alone")

// ErrFull says that too many notices wait.
var ErrFull = fmt.Errorf("%d notices wait already", maxWaiting)

// Outbox is the durable queue of all webhooks of the process: a directory with a
// file for each notice. It is safe for concurrent use.
type Outbox struct {
	dir    string
	disk   durable.FS
	tasks  *pipeline.Tasks
	clock  pipeline.Clock
	wall   *wallclock.Judge
	log    *slog.Logger
	client *http.Client
	find   func(key string) (Target, bool) // see Options.Find

	mu    sync.Mutex       // guards what follows
	lanes map[string]*lane // by URL, those with something to send
	count Counts
	moved chan struct{} // closed and replaced when a notice was tried
	last  int64         // number in the newest name: names are the order of age
	held  int           // notices that are in memory alone

	storing sync.Mutex // guards what follows, and is held while the disk works
	spares  []string
	spared  int // number in the newest spare's name
	wanted  int // spare files
}

// Counts are what became of notices since the start.
type Counts struct{ Waiting, Delivered, Failed, GivenUp int }

// Options are what an outbox needs.
type Options struct {
	Dir   string     // made where it is missing; of one process
	Disk  durable.FS // the real one where it is nil
	Tasks *pipeline.Tasks
	Clock pipeline.Clock
	Wall  *wallclock.Judge // whether the clock is believed; nil: it is
	Log   *slog.Logger
	// Find returns the target that the configuration has under a key: what an earlier
	// process left is sent to no other. nil: it has none.
	Find func(key string) (Target, bool)
}

// Open takes a directory and begins to send what an earlier process left in it.
func Open(o Options) (*Outbox, error) {
	if o.Disk == nil {
		o.Disk = durable.Below(filepath.Dir(o.Dir))
	}
	err := durable.MkdirAll(o.Disk, o.Dir, 0o700)
	var entries []fs.DirEntry
	if err == nil {
		entries, err = o.Disk.List(o.Dir) // in the order of names
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
			_ = o.Disk.Remove(filepath.Join(o.Dir, e.Name())) // of a crash; it was never promised
		}
	}
	b.replayAll(entries)
	return b, nil
}

// replayAll queues what an earlier process left, unless another user can have put it there.
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

// replay queues a file of an earlier process. One that cannot be read, or that another user
// can have written, is left and said once: it is of no use to try it again. One whose target
// the configuration does not have any more is dropped, and counted by its host.
func (b *Outbox) replay(name string, dropped map[string]int) {
	n, host, err := b.read(name)
	switch {
	case errors.Is(err, errTarget):
		if err := b.disk.Remove(filepath.Join(b.dir, name)); err != nil {
			b.log.Warn("a notice that is dropped could not be removed", "file", name, "error", err)
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

// load reads a notice that is to be sent: what this process has put there as it has, what an
// earlier one left as it may be sent now.
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

// errTarget says that a notice is for a server that it may not be sent to.
var errTarget = errors.New("the configuration has no such webhook any more, neither in a pipeline nor under declare.webhooks")

// read reads a notice that an earlier process left, and its target as the configuration has
// it now.
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

// Put stores a notice. When it returns nil the notice outlives a power cut, and is
// sent until it has arrived or is given up. With ErrUnstored it is sent all the same.
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

// hold counts a notice that is in memory alone, if there may be one more.
func (b *Outbox) hold() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held >= maxUnstored {
		return false
	}
	b.held++
	return true
}

// store stores what could not be stored before, and which has not arrived yet.
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

// write stores a notice under a name, in spare room where there is no other.
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

// queue adds a notice to its lane, which is begun where there is none.
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

// remove ends a notice: its file goes, unless it is to be left, then its place in the lane.
func (b *Outbox) remove(l *lane, e *entry, how *int) {
	unstored := e.unstored != nil
	var err error
	if !e.left {
		err = b.disk.Remove(filepath.Join(b.dir, e.name))
	}
	if err == nil && b.only(l) { // those before it went along: a power cut brings none of them back
		err = b.disk.SyncDir(b.dir)
	}
	if err != nil && !unstored {
		b.log.Warn("a notice that was dealt with could not be removed; it is sent again after a restart", "file", e.name, "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.move()
	*how++
	b.count.Waiting--
	if unstored {
		b.held--
	}
	i := slices.Index(l.entries, e) // the first one, mostly
	if i == 0 {
		l.entries[0] = nil
		l.entries = l.entries[1:]
		return
	}
	l.entries = slices.Delete(l.entries, i, i+1)
}

// only reports whether a lane has one notice left.
func (b *Outbox) only(l *lane) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(l.entries) == 1
}

// Waiting returns how many notices wait for a URL, and why the last attempt failed;
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
