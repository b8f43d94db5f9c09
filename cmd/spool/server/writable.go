package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// How often disks are asked whether they take files, how old an answer may be for
// those who want to know now, how long these wait for a newer one, and from when on
// a disk that does not answer counts as one that takes nothing.
const (
	askEvery   = 5 * time.Second
	freshFor   = 250 * time.Millisecond
	waitForAsk = time.Second
	hangsAfter = 10 * time.Second
)

// writable decides whether this recorder can write now: readiness, health, metrics
// and retention all ask it, and none of them the disk, which may hang. See
// disk.Writable.
type writable struct {
	tasks   *pipeline.Tasks
	clock   pipeline.Clock
	changed func(error)                 // told when a directory takes no files, with the reason, and with nil when it does again
	lasting func(dir string, err error) // called once when that lasts for longer than askEvery

	mu   sync.Mutex             // guards what follows
	dirs map[string]*watchedDir // by directory
}

// watchedDir is one directory. Its fields are guarded by writable.mu, but for disk, which
// belongs to the task that asks while there is one.
type watchedDir struct {
	dir   string
	disk  *disk.Writable
	asked time.Time     // when the task began; zero while there is none
	done  chan struct{} // closed when it has ended
	seen  time.Time     // when the newest answer came; zero before the first
	has   filesystem.Capacity
	err   error
	since time.Time // of err
	told  bool      // of err, as lasting
}

// verdict is what is known of a directory.
type verdict struct {
	dir   string
	has   filesystem.Capacity
	err   error // nil: it takes files
	since time.Time
}

func newWritable(tasks *pipeline.Tasks, clock pipeline.Clock, changed func(error), lasting func(dir string, err error)) *writable {
	return &writable{tasks: tasks, clock: clock, changed: changed, lasting: lasting, dirs: map[string]*watchedDir{}}
}

// run asks again and again, until the context ends.
func (w *writable) run(ctx context.Context, dirs func() []string) error {
	for ctx.Err() == nil {
		w.now(ctx, dirs()) // what is told of is so now, not when it was last asked
		w.tellOfLasting()
		pipeline.Sleep(ctx, w.clock, askEvery, nil)
	}
	return nil
}

// begin asks each directory that is not being asked, unless its answer is fresh. It
// returns what is closed with the answers that may be waited for.
func (w *writable) begin(dirs []string) (asked []chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	for _, dir := range dirs {
		p := w.dirs[dir]
		if p == nil {
			p = &watchedDir{dir: dir, disk: disk.NewWritable(dir)}
			w.dirs[dir] = p
		}
		if p.asked.IsZero() {
			if !p.seen.IsZero() && now.Sub(p.seen) < freshFor {
				continue
			}
			p.asked, p.done = now, make(chan struct{})
			w.tasks.Go("asking whether a disk takes files", func(context.Context) error { return w.ask(p) })
		}
		if now.Sub(p.asked) < waitForAsk {
			asked = append(asked, p.done)
		}
	}
	return asked
}

// tellOfLasting does so once for each time that a directory takes no files. One that
// hangs is not told of: recordings wait for it, and say what that costs them.
func (w *writable) tellOfLasting() {
	w.mu.Lock()
	var all []*watchedDir
	for _, p := range w.dirs {
		if p.err != nil && !p.told && w.clock.Now().Sub(p.since) >= askEvery {
			p.told = true
			all = append(all, &watchedDir{dir: p.dir, err: p.err})
		}
	}
	w.mu.Unlock()
	for _, p := range all {
		w.lasting(p.dir, p.err)
	}
}

// hanging returns an error where a directory does not answer. The caller holds w.mu.
func (w *writable) hanging(p *watchedDir) error {
	if p.asked.IsZero() {
		return nil
	}
	waited := w.clock.Now().Sub(p.asked)
	if waited <= hangsAfter {
		return nil
	}
	return fmt.Errorf("%w: not for %s", disk.ErrHangs, waited.Round(time.Second))
}

func (w *writable) ask(p *watchedDir) error {
	has, err := p.disk.Try()
	w.mu.Lock()
	now := w.clock.Now()
	turned := (err == nil) != (p.err == nil)
	if turned {
		p.since, p.told = now, false
	}
	p.seen, p.has, p.err, p.asked = now, has, err, time.Time{}
	close(p.done)
	w.mu.Unlock()
	if turned {
		w.changed(err)
	}
	return nil
}

// now is the verdict on each directory, a fresh one where it comes in time.
func (w *writable) now(ctx context.Context, dirs []string) []verdict {
	enough, stop := w.clock.After(waitForAsk)
	defer stop()
	for _, done := range w.begin(dirs) {
		select {
		case <-done:
			continue
		case <-enough:
		case <-ctx.Done():
		}
		break
	}
	return w.known(dirs)
}

// known is the newest verdict on each directory. It waits for nothing.
func (w *writable) known(dirs []string) (all []verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, dir := range dirs {
		p := w.dirs[dir]
		if p == nil {
			continue
		}
		v := verdict{dir, p.has, p.err, p.since}
		if err := w.hanging(p); err != nil {
			v.err, v.since = err, p.asked
		}
		all = append(all, v)
	}
	return all
}

// close lets go of the directories that nothing asks.
func (w *writable) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.dirs {
		if p.asked.IsZero() {
			p.disk.Close()
		}
	}
}

// databaseDir is where SQLite lies, if that is not in the record directory.
func databaseDir(cfg *configs.Config) (string, bool) {
	if cfg.Database.Driver != "sqlite" {
		return "", false
	}
	file, _, _ := strings.Cut(strings.TrimPrefix(cfg.Database.DSN.Reveal(), "file:"), "?")
	dir := filepath.Dir(file)
	rel, err := filepath.Rel(filepath.Clean(cfg.MP4.RecordPath), dir)
	return dir, err != nil || !filepath.IsLocal(rel)
}

// descriptors are how many files the process may still open, and how many at all.
func descriptors() (left, most int, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, 0, err
	}
	open, err := os.ReadDir("/proc/self/fd")
	return int(limit.Cur) - len(open) + 1, int(limit.Cur), err // one of them was for reading
}
