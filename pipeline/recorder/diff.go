package recorder

import (
	"log/slog"
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/streampath"
)

// Changes lists the names of the pipelines, or the paths of the streams, that differ between two
// configurations.
type Changes struct {
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Changed []string `json:"changed"`
}

// None reports whether the lists are empty.
func (c Changes) None() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// LogValue returns the lists that are not empty, by name, for a log.
func (c Changes) LogValue() slog.Value {
	var lists []slog.Attr
	for _, list := range []struct {
		name  string
		paths []string
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}} {
		if len(list.paths) > 0 {
			lists = append(lists, slog.Any(list.name, list.paths))
		}
	}
	return slog.GroupValue(lists...)
}

// replace sets the declared pipelines. A pipeline that is removed is no longer held (see Hold). replace returns
// the changes, and the jobs that the caller must stop because their pipeline changed, was removed or no longer
// covers the stream.
func (r *Recorder) replace(declared []Declared) (c Changes, stop []*activeJob) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, now := byName(r.declared), byName(declared)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before, was := old[name]; !was {
			c.Added = append(c.Added, name)
		} else if !before.same(now[name]) {
			c.Changed = append(c.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if now[name] == nil {
			c.Removed = append(c.Removed, name)
			delete(r.held, name)
		}
	}
	r.declared = declared
	r.generation.Add(1)
	for _, j := range r.all() {
		d := now[j.plan.Name]
		if d != nil && d.Covers(j.stream) && d.Mode == j.mode && d.Plan.Same(j.plan) {
			continue
		}
		j.again = d != nil && d.Covers(j.stream) && (d.Mode != pipeline.ModeManual || j.hand || j.scheduled)
		stop = append(stop, j)
	}
	return c, stop
}

func byName(list []Declared) map[string]*Declared {
	m := make(map[string]*Declared, len(list))
	for i := range list {
		m[list[i].Plan.Name] = &list[i]
	}
	return m
}

func (d *Declared) same(o *Declared) bool {
	globs := func(a, b streampath.Glob) bool { return a.String() == b.String() }
	return d.Mode == o.Mode && slices.EqualFunc(d.Streams, o.Streams, globs) && d.Plan.Same(o.Plan)
}
