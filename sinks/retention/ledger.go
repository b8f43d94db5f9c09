package retention

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ledger collects the notices about files between two looks of the keeper, and the bytes that
// may come before the next one. Its lock is held only briefly: a recorder that leaves a notice
// must wait neither for a disk nor for a deletion.
type ledger struct {
	mu    sync.Mutex           // guards the fields below
	told  bool                 // a policy is active, so the keeper takes the notices
	open  map[string]*openFile // by path below the record directory
	again map[string]struct{}  // paths of files that changed in more than their length
	since totals               // bytes written since the notices were taken
	ahead totals               // sum of the open files' largest chunks: the bytes expected next
	watch watch
}

type openFile struct {
	stream                string
	sizeBytes, chunkBytes int64 // bytes; chunk is the largest growth at once, after the file's first
}

// watch holds the limits at which the keeper is woken: when the bytes written and the bytes
// expected next reach one. The zero value never wakes it.
type watch struct {
	all, disk bound
	byStream  map[string]bound
}

// bound is a limit in bytes and the bytes left until it is reached. A zero limit means no
// limit.
type bound struct{ leftBytes, limitBytes int64 }

// passed reports whether the bytes written and the bytes expected next do not fit. The
// expected bytes count up to an eighth of the limit: a small limit must not cause the deletion
// of all its footage.
func (b bound) passed(came, next int64) bool {
	return b.limitBytes > 0 && came+min(next, b.limitBytes/maxAhead) > b.leftBytes
}

func newLedger(told bool) *ledger {
	return &ledger{
		told: told, open: map[string]*openFile{}, again: map[string]struct{}{},
		since: totals{byStream: map[string]int64{}}, ahead: totals{byStream: map[string]int64{}},
	}
}

// grew records the new length of a file, and reports whether the keeper should look.
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

// due reports, once, that a limit for all streams or for one of the given streams is near.
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

// changed records that a file appeared, went or was renamed.
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

// take returns the notices and clears them.
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

// next returns the sum of the open files' largest chunks.
func (l *ledger) next() totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	return totals{l.ahead.all, maps.Clone(l.ahead.byStream)}
}

// wait sets the limits of the watch, counted from the last take, and reports whether one is
// passed already.
func (l *ledger) wait(w watch) (due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch = w
	return l.due(slices.Collect(maps.Keys(w.byStream))...)
}

// watch returns the bytes that may be written until each limit is reached.
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

// Grew reports the new length of a file that is being recorded, in bytes. The path is
// absolute. As all notices it is safe for concurrent use and does not block.
func (k *Keeper) Grew(file, stream string, bytes int64) {
	if path, ok := k.below(file); ok && k.ledger.grew(path, stream, bytes) {
		k.Wake()
	}
}

// Closed reports that a recorder has finished a file, and the file's final name.
func (k *Keeper) Closed(file, as string) {
	for _, file := range []string{file, as} {
		if path, ok := k.below(file); ok {
			k.ledger.changed(path)
		}
	}
}

// Changed reports that files appeared or went, by their paths below the record directory.
func (k *Keeper) Changed(paths ...string) { k.ledger.changed(paths...) }

func (k *Keeper) below(file string) (path string, ok bool) {
	if path, ok = strings.CutPrefix(file, k.deps.Dir); ok && path != "" && path[0] == filepath.Separator {
		return filepath.ToSlash(path[1:]), true
	}
	return "", false
}
