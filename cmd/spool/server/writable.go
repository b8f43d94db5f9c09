package server

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// The times of the tests that writable makes.
const (
	askEvery   = 5 * time.Second        // interval of the tests of a directory
	freshFor   = 250 * time.Millisecond // age up to which writable.now returns a result without a new test
	waitForAsk = time.Second            // longest time that writable.now waits for the results of tests
	hangsAfter = 10 * time.Second       // duration of a test after which the directory counts as refusing files
)

// writable tests whether the record directories accept files, and keeps the results. Readiness, health,
// metrics and retention use the results, because a test of their own might hang with the disk. See
// disk.Writable. It is safe for concurrent use.
type writable struct {
	tasks *pipeline.Tasks
	clock pipeline.Clock
	// changed is called when a directory stops accepting files, with the reason, and when it accepts
	// files again, with nil. lasting is called once when a directory has refused files for askEvery.
	changed func(error)
	lasting func(dir string, err error)

	mu   sync.Mutex             // guards the fields below
	dirs map[string]*watchedDir // states of the directories, by path
}

// watchedDir holds the state of one directory. writable.mu guards its fields, except disk, which the
// running test uses.
type watchedDir struct {
	dir      string
	disk     *disk.Writable
	asked    time.Time           // start of the running test; zero while none runs
	done     chan struct{}       // closed when the running or last test has ended
	seen     time.Time           // end of the last test; zero before the first
	has      filesystem.Capacity // capacity of the disk at the last test
	err      error               // result of the last test; nil: the directory accepts files
	since    time.Time           // when err changed from nil or to nil
	reported bool                // lasting was called for err
}

// verdict is the newest known state of a directory: whether the directory accepts files.
type verdict struct {
	dir   string
	has   filesystem.Capacity // capacity of the disk; zero if unknown
	err   error               // why the directory accepts no files; nil: it accepts them
	since time.Time           // since when the directory accepts files, or accepts none
}

func newWritable(tasks *pipeline.Tasks, clock pipeline.Clock, changed func(error), lasting func(dir string, err error)) *writable {
	return &writable{tasks: tasks, clock: clock, changed: changed, lasting: lasting, dirs: map[string]*watchedDir{}}
}

// run tests the directories that dirs returns, every askEvery, until the context ends.
func (w *writable) run(ctx context.Context, dirs func() []string) error {
	for ctx.Err() == nil {
		w.now(ctx, dirs()) // waits for the results, so that reportLasting has the present state
		w.reportLasting()
		pipeline.Sleep(ctx, w.clock, askEvery, nil)
	}
	return nil
}

// begin starts a test of each directory, unless one is running or the last result is fresh. For each running
// test it returns a channel that is closed at the end of the test, unless the test has taken longer than
// waitForAsk already.
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

// reportLasting calls lasting for each directory that has refused files for askEvery, once until the
// directory accepts files again. It leaves out a directory whose test hangs, because the recordings
// that wait for this directory report it.
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

// hanging returns an error if the running test of a directory has taken longer than hangsAfter. The
// caller holds w.mu.
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

// ask tests a directory and stores the result in p. It calls changed if the directory now accepts files and
// did not at the previous test, or the reverse. It always returns nil, because it runs as a task.
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

// now returns the state of each directory. It starts tests where the last result is not fresh, and
// waits at most waitForAsk for them; then it returns the last results.
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

// known returns the newest known state of each directory without a test. It leaves out directories for which no
// test has begun. Until the first test of a directory has ended, the directory counts as accepting files,
// unless the test hangs.
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

// close closes the directories, except those whose test still runs.
func (w *writable) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.dirs {
		if p.asked.IsZero() {
			p.disk.Close()
		}
	}
}

// databaseDir returns the directory of the SQLite database, and true if it is outside of the record
// directory. It returns false for other databases.
func databaseDir(cfg *configs.Config) (string, bool) {
	if cfg.Database.Driver != "sqlite" {
		return "", false
	}
	file, _, _ := strings.Cut(strings.TrimPrefix(cfg.Database.DSN.Reveal(), "file:"), "?")
	dir := filepath.Dir(file)
	rel, err := filepath.Rel(filepath.Clean(cfg.MP4.RecordPath), dir)
	return dir, err != nil || !filepath.IsLocal(rel)
}
