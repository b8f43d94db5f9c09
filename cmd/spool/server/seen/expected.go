package seen

import (
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
)

// Expected are the streams of a hub, and those that have left it. One that is to be
// recorded and has no publisher is a problem of its own. The fields are set before use.
type Expected struct {
	*hub.Hub
	Seen  *Streams
	Wants func(stream string) bool // reports whether it is to be recorded now
	Clock pipeline.Clock
}

// All lists the paths of the streams of the hub and of those that are remembered, in order.
func (e *Expected) All() []string {
	all := e.Paths()
	for _, st := range e.Seen.Remembered() {
		all = append(all, st.Path)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Problems lists what is wrong with a stream now: also that nobody publishes it.
func (e *Expected) Problems(path string) []pipeline.Problem {
	problems := e.Hub.Problems(path)
	if p, missing := e.missing(path); missing {
		problems = append(problems, p)
	}
	return problems
}

// missing is about a stream that was published in this run, or that the configuration
// names, and that has been without a publisher for longer than any stream may be silent.
// One of before this run is expected only where the configuration names it.
func (e *Expected) missing(path string) (p pipeline.Problem, is bool) {
	named, vacant := e.Vacant(path)
	since, left := e.Seen.Away(path)
	if !left {
		since = named
	}
	if !vacant || since.IsZero() || e.Clock.Now().Sub(since) < hub.LeastSilence || !e.Wants(path) {
		return p, false
	}
	return pipeline.Problem{
		Problem: "no_publisher", Since: since.Round(0), Stream: path, Failing: true,
		Cause: cause(left), Remedy: e.remedy(path, left, !named.IsZero()),
	}, true
}

func cause(left bool) string {
	if left {
		return "it is to be recorded, and its publisher has left"
	}
	return "it is to be recorded, and has had no publisher since the configuration names it or spool runs"
}

// remedy says how the stream comes back, and how it is given up.
func (e *Expected) remedy(path string, left, named bool) string {
	const forget = "DELETE /mp4/streams/{stream_path} forgets it"
	giveUp := "if it comes no more, take it out of streams in the configuration file"
	_, waitedFor := e.Info(path)
	switch {
	case named && left:
		giveUp += "; then " + forget
	case named:
	case waitedFor:
		giveUp = "if it comes no more, end its recording with POST /mp4/stop/{stream_path}; then " + forget
	default:
		giveUp = "if it comes no more, " + forget
	}
	return "see that the camera or encoder runs, and the network between; " + giveUp
}
