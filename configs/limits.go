package configs

import (
	"fmt"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Limits bounds the resources of a pipeline that was made by API. 0 is no limit. Values that the pipeline gets
// from the configuration file, by inheritance or by a named entry, do not count.
type Limits struct {
	Pipelines int             `yaml:"pipelines" doc:"Most pipelines made by API; one more is refused, existing ones stay. Here and below 0 is no limit."`
	Patterns  int             `yaml:"patterns" doc:"Most stream patterns of one pipeline."`
	Stages    int             `yaml:"stages" doc:"Most stages of one pipeline, including its branches."`
	Memory    config.Size     `yaml:"memory" doc:"Most memory of one pipeline for each stream that it records: the sum of max_bytes of gop_ring and of all branches of tee. memory.max limits the sum of all streams."`
	Media     config.Duration `yaml:"media" doc:"Most media held of a stream: applies to before and max_backlog each."`
	Commands  int             `yaml:"commands" doc:"Most concurrent commands of one pipeline: the sum of concurrency of its exec stages."`
	Waiting   int             `yaml:"waiting" doc:"Most waiting commands of one pipeline: the sum of max_waiting of its exec stages."`
}

// Check returns problems for negative limits.
func (l Limits) Check() config.Problems {
	var c checks
	for key, n := range map[string]int{"pipelines": l.Pipelines, "patterns": l.Patterns, "stages": l.Stages, "commands": l.Commands, "waiting": l.Waiting} {
		c.want(n >= 0, key, fmt.Sprintf("%d is negative", n), "0 is no limit")
	}
	return c.problems
}

// bound is a limit on settings that consume one resource.
type bound struct {
	// key of the limit in declare.limits
	key  string
	most int64
	sum  bool // the limit applies to the sum of all such settings in a pipeline; otherwise to each of them
	// read returns the value of a setting, and show formats a value for a message.
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

// bounds returns the limit for each resource.
func (l *Limits) bounds() map[pipeline.Take]bound {
	return map[pipeline.Take]bound{
		pipeline.TakesMemory:   boundOf("memory", l.Memory, true),
		pipeline.TakesMedia:    boundOf("media", l.Media, false),
		pipeline.TakesCommands: boundOf("commands", l.Commands, true),
		pipeline.TakesWaiting:  boundOf("waiting", l.Waiting, true),
	}
}

// Exceeded returns the problems of a pipeline made by API that exceeds declare.limits. Each problem is at a setting
// that exceeds a limit, and states the value and the limit. If a limit applies to a sum, only the first setting
// beyond the limit has a problem. A written setting whose stage does not declare which resource it takes has a
// problem, too.
func (o *Overlay) Exceeded(declaration *config.Node) (problems config.Problems) {
	limits := o.config.Declare.Limits
	count := func(n *config.Node, what string, many, most int, key string) {
		if most > 0 && many > most {
			problems.Add(n, raise(key), "%d %s are more than declare.limits.%s allows a pipeline made by API: %d", many, what, key, most)
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
				problems.Add(t.At, "write the pipeline in the configuration file", "the stage does not declare which resource this setting takes: a pipeline made by API may only set resources that declare.limits bounds")
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
		full[t.Take] = b.sum // with sum, only the first setting beyond the limit is reported
		beside := ""
		if before > 0 {
			beside = fmt.Sprintf(" beside the %s of the stages before", b.show(before))
		}
		problems.Add(t.At, raise(b.key), "%s%s is more than declare.limits.%s allows a pipeline made by API: %s", b.show(value), beside, b.key, b.show(b.most))
	})
	return problems
}

func raise(key string) string {
	return "write less here, or raise declare.limits." + key + " in the configuration file"
}

// ofFile reports whether the setting t of a pipeline made by API gets its value from the configuration file: the
// stage s inherits the setting and the pipeline does not write it, or it writes the inherited value. The limits do
// not apply to such a value.
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
