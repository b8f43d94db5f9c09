package retention

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ledger is what recorders and others tell of files between two looks of the
// keeper, and what may come before the next one. Its lock is held for a moment
// only: who tells must wait neither for a disk nor for a deletion.
type ledger struct {
	mu    sync.Mutex           // guards what follows
	told  bool                 // there is a policy, and so a keeper that looks
	open  map[string]*openFile // by path below the record directory
	again map[string]struct{}  // paths of which more has changed than their length
	since totals               // bytes that came since the notices were taken
	ahead totals               // the sum of open files' largest chunks: what comes next
	watch watch
}

type openFile struct {
	stream      string
	size, chunk int64 // bytes; chunk is the most that came at once, after the beginning
}

// watch is when the keeper wants to be woken: when this much came, less what
// comes next. An empty one wants nothing.
type watch struct {
	all, disk bound
	byStream  map[string]bound
}

// bound is what is left until a limit is reached, and of the limit. A zero limit
// is none.
type bound struct{ left, limit int64 }

// passed reports whether what came and what comes next does not fit. What comes
// next counts up to an eighth of the limit: a small one must not be emptied for it.
func (b bound) passed(came, next int64) bool {
	return b.limit > 0 && came+min(next, b.limit/maxAhead) > b.left
}

func newLedger(told bool) *ledger {
	return &ledger{
		told: told, open: map[string]*openFile{}, again: map[string]struct{}{},
		since: totals{byStream: map[string]int64{}}, ahead: totals{byStream: map[string]int64{}},
	}
}

// grew takes the new length of a file, and reports whether the keeper is to look.
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
	by := bytes - f.size
	f.size = bytes
	l.since.add(f.stream, by)
	if begun && by > f.chunk {
		l.ahead.add(f.stream, by-f.chunk)
		f.chunk = by
	}
	return l.due(stream)
}

// due reports once that a limit for all, or for one of the streams, is near.
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

// changed notes that a file came, went or has another name.
func (l *ledger) changed(paths ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told {
		return
	}
	for _, path := range paths {
		if f := l.open[path]; f != nil {
			if l.ahead.add(f.stream, -f.chunk); l.ahead.byStream[f.stream] == 0 {
				delete(l.ahead.byStream, f.stream)
			}
			delete(l.open, path)
		}
		l.again[path] = struct{}{}
	}
}

// grown is the length of an open file.
type grown struct {
	path string
	size int64
}

// take hands over the notices.
func (l *ledger) take() (again []string, open []grown) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for path := range l.again {
		again = append(again, path)
	}
	clear(l.again)
	for path, f := range l.open {
		open = append(open, grown{path, f.size})
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

// wait sets the watch, counted from when the notices were taken, and reports
// whether it is passed already.
func (l *ledger) wait(w watch) (due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch = w
	return l.due(slices.Collect(maps.Keys(w.byStream))...)
}

// watch returns what may come until one of the limits is reached.
func (p *Policy) watch(t totals, s filesystem.Capacity) watch {
	w := watch{byStream: map[string]bound{}}
	if p.MaxBytes > 0 {
		w.all = bound{p.MaxBytes - t.all, p.MaxBytes}
	}
	minFree, limited := p.MinFree, p.DiskMaxPercent > 0 || p.MinFree > 0
	for name, own := range p.Streams {
		if own.MaxBytes > 0 {
			w.byStream[name] = bound{own.MaxBytes - t.byStream[name], own.MaxBytes}
		}
		if own.MinFree > 0 {
			minFree, limited = max(minFree, own.MinFree), true
		}
	}
	if limited {
		high, _ := mark(s, p.DiskMaxPercent, minFree)
		w.disk = bound{high - s.Used(), max(s.Usable, 1)}
	}
	return w
}

// Grew says that a file that is being recorded has so many bytes now. The path is
// absolute. Like the other notices it may come from anywhere, and does not wait.
func (k *Keeper) Grew(file, stream string, bytes int64) {
	if path, ok := k.below(file); ok && k.ledger.grew(path, stream, bytes) {
		k.Wake()
	}
}

// Closed says that a file's recorder is done with it, and what name it has now.
func (k *Keeper) Closed(file, as string) {
	for _, file := range []string{file, as} {
		if path, ok := k.below(file); ok {
			k.ledger.changed(path)
		}
	}
}

// Changed says that files came or went, by their paths below the record directory.
func (k *Keeper) Changed(paths ...string) { k.ledger.changed(paths...) }

func (k *Keeper) below(file string) (path string, ok bool) {
	if path, ok = strings.CutPrefix(file, k.deps.Dir); ok && path != "" && path[0] == filepath.Separator {
		return filepath.ToSlash(path[1:]), true
	}
	return "", false
}
