package recorder

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// known is a directory in which the configuration names one stream.
type known string

func (known) Live(string) bool           { return false }
func (k known) Configured(p string) bool { return p == string(k) }

// Users choose the names in a stop, so the number of remembered stops is bounded.
func TestRememberedStopsByHandAreBounded(t *testing.T) {
	r := newIdle()
	r.dir = known("live/0")
	for n := range 3 * maxStops {
		s := r.state(fmt.Sprint("live/", n))
		s.halted = true
		r.setStopped(s, time.Unix(int64(1000+n), 0))
		r.forgetStops()
		require.LessOrEqual(t, len(r.streams), maxStops)
	}
	require.True(t, r.isHalted("live/0"), "the configuration names it")
	require.True(t, r.isHalted(fmt.Sprint("live/", 3*maxStops-1)), "it is the newest")
	require.False(t, r.isHalted("live/1"))
	for path := range r.streams {
		r.startedByHand(path)
	}
	require.Zero(t, r.stops)
	require.Empty(t, r.streams)
}
