package metrics

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// divide decides which streams have series of their own in this scrape. present holds, by path, the
// streams that the hub lists and those that are recorded; the value is nil for a stream that the
// hub does not list. divide adds new streams to f.known and removes streams that have been gone for
// Config.KeepGone. A stream that has series of its own keeps them; only a configured stream may
// take the place of an unconfigured one.
func (f *figures) divide(present map[string]*media.StreamInfo) {
	now := f.cfg.Clock.Now()
	for path, s := range f.known {
		if _, is := present[path]; is {
			s.seen = now
			continue
		}
		if !s.isGone {
			f.leave(s)
		}
		if !s.own || now.Sub(s.seen) >= f.cfg.KeepGone {
			f.forget(path)
		}
	}
	var wanting []*stream
	for path, info := range present {
		s := f.known[path]
		if s == nil {
			s = newStream(path, now)
			f.known[path] = s
		}
		if s.configured = info != nil && info.Configured; !s.own {
			wanting = append(wanting, s)
		}
	}
	slices.SortFunc(wanting, byRight)
	for i, s := range wanting {
		if !f.room() && (!s.configured || !f.makeRoom(wanting[i:])) {
			break
		}
		s.own = true
		f.own++
	}
}

// byRight orders streams by their right to series of their own: configured streams first, then by
// path.
func byRight(a, b *stream) int {
	return cmp.Or(-cmp.Compare(number(a.configured), number(b.configured)), strings.Compare(a.path, b.path))
}

// room reports whether a further stream may have series of its own: see Config.MaxStreams.
func (f *figures) room() bool { return f.cfg.MaxStreams == 0 || f.own < f.cfg.MaxStreams }

// makeRoom frees series for the configured streams, which are the first in wanting. For each of them
// it takes the series of one unconfigured stream away, as long as there is one. Streams that have
// been gone for the longest lose their series first. makeRoom reports whether it has taken any
// series away.
func (f *figures) makeRoom(wanting []*stream) bool {
	want := 0
	for want < len(wanting) && wanting[want].configured {
		want++
	}
	others := slices.DeleteFunc(slices.Collect(maps.Values(f.known)), func(s *stream) bool { return !s.own || s.configured })
	slices.SortFunc(others, func(a, b *stream) int { return cmp.Or(a.seen.Compare(b.seen), strings.Compare(a.path, b.path)) })
	others = others[:min(want, len(others))]
	for _, s := range others {
		s.own = false
		clear(s.totals)
		f.own--
		if s.isGone {
			delete(f.known, s.path)
		}
	}
	return len(others) > 0
}

// leave marks a stream as gone. First it counts the growth of the recording's counters from the
// previous scrape to the end of the recording, and adds it to f.others if the stream has no series
// of its own.
func (f *figures) leave(s *stream) {
	s.begin()
	if status, ok := f.cfg.Recorder.Stream(s.path); ok {
		s.recording(&status, f.cfg.Clock.Now())
	}
	s.settle()
	s.gone()
	if !s.own {
		clear(s.gauges)
		f.others.join(s)
	}
}

// forget removes the stream with this path, and with it the stream's series, from f.known.
func (f *figures) forget(path string) {
	if f.known[path].own {
		f.own--
	}
	delete(f.known, path)
}
