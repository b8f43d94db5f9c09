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

// Directories are tested every askEvery. A caller that wants the present state accepts an
// answer of age freshFor and waits at most waitForAsk for a newer one. A disk that has not
// answered for hangsAfter counts as one that refuses writes.
const (
	askEvery   = 5 * time.Second
	freshFor   = 250 * time.Millisecond
	waitForAsk = time.Second
	hangsAfter = 10 * time.Second
)

// writable watches whether the record directories accept files. Readiness, health, metrics and
// retention ask it instead of the disks, which may hang. See disk.Writable.
type writable struct {
	tasks   *pipeline.Tasks
	clock   pipeline.Clock
	changed func(error)                 // called when a directory stops accepting files, with the reason, and with nil when it accepts them again
	lasting func(dir string, err error) // called once when the refusal lasts longer than askEvery

	mu   sync.Mutex             // guards the fields below
	dirs map[string]*watchedDir // by directory
}

// watchedDir is one directory. writable.mu guards its fields except disk, which belongs to the
// running test.
type watchedDir struct {
	dir      string
	disk     *disk.Writable
	asked    time.Time     // start of the running test; zero while none runs
	done     chan struct{} // closed when the test has ended
	seen     time.Time     // time of the newest answer; zero before the first
	has      filesystem.Capacity
	err      error
	since    time.Time // of err
	reported bool      //  lasting has been called for err
}

// verdict is the known state of a directory.
type verdict struct {
	dir   string
	has   filesystem.Capacity
	err   error // nil if the directory accepts files
	since time.Time
}

func newWritable(tasks *pipeline.Tasks, clock pipeline.Clock, changed func(error), lasting func(dir string, err error)) *writable {
	return &writable{tasks: tasks, clock: clock, changed: changed, lasting: lasting, dirs: map[string]*watchedDir{}}
}

// run tests the directories every askEvery until the context ends.
func (w *writable) run(ctx context.Context, dirs func() []string) error {
	for ctx.Err() == nil {
		w.now(ctx, dirs()) // lasting reports the present state, not that of the last test
		w.reportLasting()
		pipeline.Sleep(ctx, w.clock, askEvery, nil)
	}
	return nil
}

// begin starts a test of each directory, unless one runs or the last answer is fresh. It
// returns channels that are closed with the answers worth waiting for.
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

// reportLasting calls lasting once for each period in which a directory accepts no files. It
// skips a directory that hangs: recordings that wait for it report that themselves.
func (w *writable) reportLasting() {
	w.mu.Lock()
	var all []*watchedDir
	for _, p := range w.dirs {
		if p.err != nil && !p.reported && w.clock.Now().Sub(p.since) >= askEvery {
			p.reported = true
			all = append(all, &watchedDir{dir: p.dir, err: p.err})
		}
	}
	w.mu.Unlock()
	for _, p := range all {
		w.lasting(p.dir, p.err)
	}
}

// hanging returns an error if a directory does not answer. The caller holds w.mu.
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
		p.since, p.reported = now, false
	}
	p.seen, p.has, p.err, p.asked = now, has, err, time.Time{}
	close(p.done)
	w.mu.Unlock()
	if turned {
		w.changed(err)
	}
	return nil
}

// now returns the state of each directory, waiting at most waitForAsk for fresh answers.
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

// known returns the newest known state of each directory without waiting.
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

// close releases the directories that no test is using.
func (w *writable) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.dirs {
		if p.asked.IsZero() {
			p.disk.Close()
		}
	}
}

// databaseDir returns the directory of the SQLite database, and whether it is outside the
// record directory.
func databaseDir(cfg *configs.Config) (string, bool) {
	if cfg.Database.Driver != "sqlite" {
		return "", false
	}
	file, _, _ := strings.Cut(strings.TrimPrefix(cfg.Database.DSN.Reveal(), "file:"), "?")
	dir := filepath.Dir(file)
	rel, err := filepath.Rel(filepath.Clean(cfg.MP4.RecordPath), dir)
	return dir, err != nil || !filepath.IsLocal(rel)
}

// descriptors returns how many files the process may still open, and its limit.
func descriptors() (left, most int, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, 0, err
	}
	open, err := os.ReadDir("/proc/self/fd")
	return int(limit.Cur) - len(open) + 1, int(limit.Cur), err // one of them reads /proc/self/fd
}
