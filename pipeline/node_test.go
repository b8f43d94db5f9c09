package pipeline

import (
	"log/slog"
	"testing"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Via and To of a node accept nodes of the same run. With any other node Start returns an error that names the stage
// and the remedy.
func TestANodeIsNotJoinedToAForeignOne(t *testing.T) {
	defer goleak.VerifyNone(t)
	run := func() *Run {
		r := newRun("p", "live/x", slog.New(slog.DiscardHandler), SystemClock)
		r.add("first", KindSource, built{})
		r.add("last", KindSink, built{})
		return r
	}
	other := run()
	pass := flow.NewPassThrough()
	defer close(pass.In())
	defer func() { go pass.To(extension.NewIgnoreSink()) }()
	for name, c := range map[string]struct {
		join func(n *node)
		want string
	}{
		"flow":               {func(n *node) { require.Same(t, pass, n.Via(pass)) }, "stage first: join: *flow.PassThrough behind it is no stage of this run: a streams.Flow becomes a stage by pipeline.FromFlow"},
		"sink":               {func(n *node) { n.To(extension.NewChanSink(nil)) }, "*extension.ChanSink behind it is no stage of this run: a streams.Sink becomes a stage by pipeline.FromSink"},
		"nil":                {func(n *node) { n.Via(nil) }, "<nil> behind it is no stage of this run"},
		"a node of no run":   {func(n *node) { n.Via((*node)(nil)) }, "no stage of this run"},
		"another run's node": {func(n *node) { n.To(streams.Sink(other.nodes[0])) }, "no stage of this run"},
	} {
		r := run()
		c.join(r.nodes[0])
		require.ErrorContains(t, r.misjoined, c.want, name)
		require.Error(t, r.Start(t.Context()))
		<-r.Done()
		require.ErrorContains(t, r.Err(), c.want)
	}
}
