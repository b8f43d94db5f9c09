package seen

import (
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
)

// Expected lists the streams of a hub together with the remembered streams. Its method Problems adds the
// missing publisher of a stream that should be recorded now. Its fields are set before use.
type Expected struct {
	*hub.Hub
	Seen  *Streams
	Wants func(stream string) bool // reports whether the stream should be recorded now
	Clock pipeline.Clock
}

// All returns the sorted paths of the hub's streams and of the remembered streams.
func (e *Expected) All() []string {
	all := e.Paths()
	for _, st := range e.Seen.Remembered() {
		all = append(all, st.Path)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Problems lists the present problems of a stream: those of the hub, and a missing publisher.
func (e *Expected) Problems(path string) []pipeline.Problem {
	problems := e.Hub.Problems(path)
	if p, missing := e.missing(path); missing {
		problems = append(problems, p)
	}
	return problems
}

// missing returns the problem no_publisher of a stream; is reports whether the stream has it: it should be
// recorded now and has had no publisher for at least hub.LeastSilence. This time counts from the moment when
// its publisher left in this run of spool, else from the moment when the configuration began to name the
// stream. So a stream that was published only before this run has no problem, unless the configuration names
// it.
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

// cause returns the cause of a missing publisher. left reports that the stream has had a publisher in this run.
func cause(left bool) string {
	if left {
		return "it is to be recorded, and its publisher has left"
	}
	return "it is to be recorded, and has had no publisher since the configuration names it or spool runs"
}

// remedy returns the remedy for a missing publisher: how the stream comes back, and what an operator does
// about a stream that does not come back. left reports that the stream has had a publisher in this run of
// spool. named reports that the configuration names the stream.
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
