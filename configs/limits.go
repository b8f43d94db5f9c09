package configs

import (
	"fmt"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Limits bound what a pipeline that was made by request may take of the machine. In each 0
// is no limit. What the pipeline has from the configuration file, by inheritance or by use,
// does not count.
type Limits struct {
	Pipelines int             `yaml:"pipelines" doc:"Most pipelines made by request; one more is refused, and those that are there stay. Here and below 0 is no limit."`
	Patterns  int             `yaml:"patterns" doc:"Most patterns of streams of one of them."`
	Stages    int             `yaml:"stages" doc:"Most stages of one of them, those of its branches among them."`
	Memory    config.Size     `yaml:"memory" doc:"Most that one of them may hold for each stream that it records: max_bytes of gop_ring and of all branches of tee together. memory.max bounds what all streams take."`
	Media     config.Duration `yaml:"media" doc:"Most of a stream that is held back: before and max_backlog, each."`
	Commands  int             `yaml:"commands" doc:"Most commands of one of them at a time: concurrency of all its exec together."`
	Waiting   int             `yaml:"waiting" doc:"Most commands of one of them that wait: max_waiting of all its exec together."`
}

// Check refuses what limits nothing.
func (l Limits) Check() config.Problems {
	var c checks
	for key, n := range map[string]int{"pipelines": l.Pipelines, "patterns": l.Patterns, "stages": l.Stages, "commands": l.Commands, "waiting": l.Waiting} {
		c.want(n >= 0, key, fmt.Sprintf("%d is negative", n), "0 is no limit")
	}
	return c.problems
}

// bound is how a limit holds for the settings that take of it.
type bound struct {
	key  string // of the limit
	most int64
	sum  bool // of all settings of a pipeline; else of each
	read func(*config.Node) int64
	show func(int64) string
}

func boundOf[T ~int | ~int64](key string, most T, sum bool) bound {
	return bound{
		key: key, most: int64(most), sum: sum,
		read: func(n *config.Node) int64 {
			var v T
			n.Decode(&v)
			return int64(v)
		},
		show: func(v int64) string { return fmt.Sprint(T(v)) },
	}
}

// bounds returns the limits by what a setting takes.
func (l *Limits) bounds() map[pipeline.Take]bound {
	return map[pipeline.Take]bound{
		pipeline.TakesMemory:   boundOf("memory", l.Memory, true),
		pipeline.TakesMedia:    boundOf("media", l.Media, false),
		pipeline.TakesCommands: boundOf("commands", l.Commands, true),
		pipeline.TakesWaiting:  boundOf("waiting", l.Waiting, true),
	}
}

// Exceeded finds what a pipeline made by request takes beyond declare.limits: in each
// problem the setting, its value and the limit.
func (o *Overlay) Exceeded(declaration *config.Node) (problems config.Problems) {
	limits := o.config.Declare.Limits
	count := func(n *config.Node, what string, many, most int, key string) {
		if most > 0 && many > most {
			problems.Add(n, raise(key), "%d %s are more than declare.limits.%s allows a pipeline made by request: %d", many, what, key, most)
		}
	}
	if streams := declaration.Get("streams"); streams != nil {
		count(streams, "patterns", len(streams.List), limits.Patterns, "patterns")
	}
	list := declaration.Get("stages")
	stages := 0
	pipeline.EachStage(list, func(*pipeline.StageInfo, *config.Node) { stages++ })
	count(list, "stages", stages, limits.Stages, "stages")
	bounds, sums, full := limits.bounds(), map[pipeline.Take]int64{}, map[pipeline.Take]bool{}
	pipeline.EachTaken(list, func(s *pipeline.StageInfo, t pipeline.Taken) {
		if t.Take == pipeline.TakesAnything {
			if t.Written && !o.Inherited(s, t.At) {
				problems.Add(t.At, "write the pipeline in the configuration file", "the stage does not say what this setting takes of the machine: a pipeline made by request takes only what declare.limits bounds")
			}
			return
		}
		b := bounds[t.Take]
		if b.most == 0 || full[t.Take] || o.ofFile(s, t) {
			return
		}
		value, before := b.read(t.Value), sums[t.Take]
		if value <= b.most-before {
			if b.sum {
				sums[t.Take] += value
			}
			return
		}
		full[t.Take] = b.sum // the setting by which it is too much says so, and not all behind it
		beside := ""
		if before > 0 {
			beside = fmt.Sprintf(" beside the %s of the stages before", b.show(before))
		}
		problems.Add(t.At, raise(b.key), "%s%s is more than declare.limits.%s allows a pipeline made by request: %s", b.show(value), beside, b.key, b.show(b.most))
	})
	return problems
}

func raise(key string) string {
	return "write less here, or raise declare.limits." + key + " in the configuration file"
}

// ofFile reports whether the configuration file says what a setting takes.
func (o *Overlay) ofFile(s *pipeline.StageInfo, t pipeline.Taken) bool {
	if t.Written {
		return o.Inherited(s, t.At)
	}
	for _, i := range s.Inherits {
		if i.Key == t.Value.Path {
			return true
		}
	}
	return false
}
