package retention

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ledger collects the notices of recorders and of the API until the keeper's next look. A call with
// a notice locks it only briefly, and waits neither for a disk nor for a deletion.
type ledger struct {
	mu    sync.Mutex           // guards the fields below
	told  bool                 // the policy is active; else the ledger ignores all notices
	open  map[string]*openFile // files that are being written, by path below the record directory
	again map[string]struct{}  // paths of files that appeared, were deleted or were renamed since the last call of take
	since totals               // bytes written since the last call of take
	ahead totals               // sum of chunkBytes of the open files: the bytes expected next
	watch watch                // the limits at which the keeper is woken
}

// openFile is a file that a recorder is writing.
type openFile struct {
	stream     string
	sizeBytes  int64
	chunkBytes int64 // the largest growth that one notice reported, the first notice excluded
}

// watch holds the limits at which the ledger wakes the keeper: when the bytes written since the
// last call of take, with the bytes expected next, exceed one of the limits (bound.passed). The
// ledger wakes the keeper once, and then has no limits until the next call of wait. The zero value
// has no limit.
type watch struct {
	all, disk bound // limits on the bytes of all footage, and on the used bytes of the disk
	byStream  map[string]bound
}

// bound is a limit and the bytes that may be written until it is reached. If limitBytes is 0 there
// is no limit.
type bound struct{ leftBytes, limitBytes int64 }

// passed reports whether the bytes written (came) and the bytes expected next exceed the limit. The
// expected bytes count up to an eighth of the limit: else many open files would delete all footage
// of a small limit.
func (b bound) passed(came, next int64) bool {
	return b.limitBytes > 0 && came+min(next, b.limitBytes/maxAhead) > b.leftBytes
}

func newLedger(told bool) *ledger {
	return &ledger{
		told: told, open: map[string]*openFile{}, again: map[string]struct{}{},
		since: totals{byStream: map[string]int64{}}, ahead: totals{byStream: map[string]int64{}},
	}
}

// grew records the new length of a file that is being written, in bytes. It returns true if the
// keeper must be woken.
func (l *ledger) grew(path, stream string, bytes int64) (due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told {
		return false
	}
	f, begun := l.open[path]
	if !begun {
		f = &openFile{stream: stream}
		l.open[path] = f
	}
	by := bytes - f.sizeBytes
	f.sizeBytes = bytes
	l.since.add(f.stream, by)
	if begun && by > f.chunkBytes {
		l.ahead.add(f.stream, by-f.chunkBytes)
		f.chunkBytes = by
	}
	return l.due(stream)
}

// due returns true if a limit of all streams, or of one of the given streams, is exceeded by the
// bytes written and expected. It then removes all limits, so that the following calls return false
// until wait sets new ones. The caller has locked mu.
func (l *ledger) due(streams ...string) bool {
	near := l.watch.all.passed(l.since.all, l.ahead.all) || l.watch.disk.passed(l.since.all, l.ahead.all)
	for _, stream := range streams {
		near = near || l.watch.byStream[stream].passed(l.since.byStream[stream], l.ahead.byStream[stream])
	}
	if near {
		l.watch = watch{}
	}
	return near
}

// changed records that files appeared, were deleted or were renamed, and removes their paths from
// the open files.
func (l *ledger) changed(paths ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told {
		return
	}
	for _, path := range paths {
		if f := l.open[path]; f != nil {
			if l.ahead.add(f.stream, -f.chunkBytes); l.ahead.byStream[f.stream] == 0 {
				delete(l.ahead.byStream, f.stream)
			}
			delete(l.open, path)
		}
		l.again[path] = struct{}{}
	}
}

// grown holds the path and the length of an open file.
type grown struct {
	path      string
	sizeBytes int64
}

// take returns the notices of the ledger: the paths of the files that changed since the last call,
// and the lengths of all open files. It forgets these changes and sets the bytes written to 0.
func (l *ledger) take() (again []string, open []grown) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for path := range l.again {
		again = append(again, path)
	}
	clear(l.again)
	for path, f := range l.open {
		open = append(open, grown{path, f.sizeBytes})
	}
	l.since = totals{byStream: map[string]int64{}}
	return again, open
}

// next returns the bytes that are expected next: the largest chunk of each open file.
func (l *ledger) next() totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	return totals{l.ahead.all, maps.Clone(l.ahead.byStream)}
}

// wait sets the limits at which the keeper is woken. If one of them is exceeded already, it returns
// true and removes them.
func (l *ledger) wait(w watch) (due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch = w
	return l.due(slices.Collect(maps.Keys(w.byStream))...)
}

// watch returns the configured limits, each with the bytes that may be written until it is reached.
// t holds the bytes of footage, and s is the capacity of the disk.
func (p *Policy) watch(t totals, s filesystem.Capacity) watch {
	w := watch{byStream: map[string]bound{}}
	if p.MaxBytes > 0 {
		w.all = bound{p.MaxBytes - t.all, p.MaxBytes}
	}
	high, limited := mark(s, p.DiskMaxPercent, p.MinFreeBytes)
	for name, own := range p.Streams {
		if own.MaxBytes > 0 {
			w.byStream[name] = bound{own.MaxBytes - t.byStream[name], own.MaxBytes}
		}
		if most, is := mark(s, 0, own.MinFreeBytes); is {
			high, limited = min(high, most), true
		}
	}
	if limited {
		w.disk = bound{high - s.UsedBytes(), max(s.UsableBytes, 1)}
	}
	return w
}

// Grew notifies the keeper of the new length, in bytes, of a file that is being written. file is
// the absolute path. Grew is safe for concurrent use, and waits neither for a disk nor for a
// deletion.
func (k *Keeper) Grew(file, stream string, bytes int64) {
	if path, ok := k.below(file); ok && k.ledger.grew(path, stream, bytes) {
		k.Wake()
	}
}

// Closed notifies the keeper that a recorder has finished a file and renamed it to as. Both paths
// are absolute. Closed is safe for concurrent use, and waits neither for a disk nor for a deletion.
func (k *Keeper) Closed(file, as string) {
	for _, file := range []string{file, as} {
		if path, ok := k.below(file); ok {
			k.ledger.changed(path)
		}
	}
}

// Changed notifies the keeper of files that appeared or were deleted. The paths are slash-separated
// and relative to the record directory. Changed is safe for concurrent use, and waits neither for a
// disk nor for a deletion.
func (k *Keeper) Changed(paths ...string) { k.ledger.changed(paths...) }

// below converts an absolute path into a path relative to the record directory. ok is false if the
// file is not below that directory.
func (k *Keeper) below(file string) (path string, ok bool) {
	if path, ok = strings.CutPrefix(file, k.deps.Dir); ok && path != "" && path[0] == filepath.Separator {
		return filepath.ToSlash(path[1:]), true
	}
	return "", false
}
