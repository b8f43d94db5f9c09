package retention

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A disk that is smaller than min_free_bytes can never have that much free: retention deletes
// nothing for the limit, stops no recording, and reports the limit. On a larger disk the limit
// works.
func TestALimitThatTheDiskCannotMeetDeletesNothing(t *testing.T) {
	for name, policy := range map[string]Policy{
		"":         limits(Limits{MinFreeBytes: 900e12}),
		"live/cam": {Streams: map[string]StreamPolicy{"live/cam": {Limits: Limits{MinFreeBytes: 900e12}}}},
	} {
		r := newFixture(t, policy)
		r.running = []string{"live/cam"}
		for n := range 10 {
			r.put(number(n), "live/cam", time.Hour, mib)
		}
		growing := r.tape("live/cam/grows", "live/cam")
		for range 3 {
			r.look(10 * time.Second)
			growing.grow(1)
		}
		require.Len(t, r.files(), 11)
		require.Equal(t, []string{"live/cam"}, r.running)
		plan, err := r.k.Plan(t.Context())
		require.NoError(t, err)
		require.Empty(t, plan.Now)
		require.Zero(t, plan.HighBytes)

		problems := r.k.Problems()
		require.Len(t, problems, 1)
		require.Equal(t, "min_free_bytes", problems[0].Problem)
		require.Equal(t, name, problems[0].Stream)
		require.Equal(t, "min_free_bytes 900 TB is more than the disk of "+r.dir+" has (100 MiB): nothing is deleted for this limit", problems[0].Cause)
		require.Contains(t, problems[0].Remedy, "lower min_free_bytes")
		require.True(t, r.says("min_free_bytes 900 TB is more than the disk"))

		r.total = 2000e12
		r.look(time.Second)
		require.Empty(t, r.k.Problems())
		require.Len(t, r.files(), 11)
	}
}

// A limit that the disk cannot meet leaves the other limits as they are.
func TestALimitThatTheDiskCannotMeetLeavesTheOthers(t *testing.T) {
	r := newFixture(t, Policy{
		Limits:  Limits{MinFreeBytes: 95 * mib},
		Streams: map[string]StreamPolicy{"live/cam": {Limits: Limits{MinFreeBytes: 100 * mib}}},
	})
	for n := range 10 {
		r.put(number(n), "live/cam", time.Hour, mib)
	}
	r.look(time.Second)
	space, _ := r.disk("")
	require.GreaterOrEqual(t, space.FreeBytes, int64(95*mib))
	require.NotEmpty(t, r.files(), "the limit of the stream deletes nothing")
	require.Len(t, r.k.Problems(), 1)
}

// The remedy for a recording that a limit has stopped names the limit and its direction.
func TestTheRemedyNamesTheLimitThatStopped(t *testing.T) {
	for want, policy := range map[string]Policy{
		"lower min_free_bytes":   limits(Limits{MinFreeBytes: 95 * mib}),
		"raise max_bytes":        limits(Limits{MaxBytes: 5 * mib}),
		"raise disk_max_percent": {DiskMaxPercent: 5},
	} {
		r := newFixture(t, policy)
		r.running = []string{"live/cam"}
		for n := range 10 {
			r.put(number(n), "live/cam", time.Hour, mib, protected)
		}
		r.look(time.Second)
		require.Equal(t, want, r.k.Stopped()["live/cam"].Remedy)
		require.True(t, r.says("or "+want), r.log.String())
	}
}
