package seen

import (
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
)

// Expected lists the streams of a hub and the remembered streams that have left it. It adds a
// problem to a stream that should be recorded and has no publisher. The fields are set before
// use.
type Expected struct {
	*hub.Hub
	Seen  *Streams
	Wants func(stream string) bool // reports whether the stream should be recorded now
	Clock pipeline.Clock
}

// All lists the paths of the hub's streams and of the remembered streams, in order.
func (e *Expected) All() []string {
	all := e.Paths()
	for _, st := range e.Seen.Remembered() {
		all = append(all, st.Path)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Problems lists the present problems of a stream, including a missing publisher.
func (e *Expected) Problems(path string) []pipeline.Problem {
	problems := e.Hub.Problems(path)
	if p, missing := e.missing(path); missing {
		problems = append(problems, p)
	}
	return problems
}

// missing returns a problem if a stream has been without a publisher for longer than
// hub.LeastSilence, should be recorded, and was published in this run or is named by the
// configuration. A stream that was seen only before this run is expected only if the
// configuration names it.
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

// remedy returns how the stream comes back, and how the operator removes it.
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
