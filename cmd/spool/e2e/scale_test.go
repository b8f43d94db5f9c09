package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/publishload"
)

// Twenty streams at once lose no media and leave no resources behind.
func TestTwentyStreamsAtOnce(t *testing.T) {
	t.Parallel()
	const streams = 20
	seconds, spec := uint64(10), footage.Spec{Size: "320x180", Seconds: 4, Bitrate: 500_000}
	if long {
		seconds, spec = 60, footage.Spec{Seconds: 10}
	}
	c, err := footage.Make(t.Context(), workshop, spec)
	require.NoError(t, err)
	r := serve(t, "streams: {live/warm: {}}")
	load(t, r, "live/warm%d", 1, c, 2)
	base := struct{ descriptors, goroutines int }{r.descriptors(), int(r.metric("go_goroutines"))}

	load(t, r, "live/cam%02d", streams, c, seconds)
	eventually(t, "descriptors are back", func() bool { return r.descriptors() <= base.descriptors })
	eventually(t, "goroutines are back", func() bool { return int(r.metric("go_goroutines")) <= base.goroutines })
	var recorded []record
	var files []string
	name := func(i int) string { return fmt.Sprintf("live/cam%02d", i+1) }
	for i := range streams {
		name := name(i)
		recs := r.records(name)
		require.Len(t, recs, 1, name)
		require.Equal(t, "finished stop", recs[0].State+" "+recs[0].EndReason, name)
		require.Nil(t, recs[0].Gap, name)
		s := r.status(name)
		require.Empty(t, s.Drops, name)
		require.Zero(t, s.Gaps, name)
		file := r.path(recs[0].File)
		recorded, files = append(recorded, recs[0]), append(files, file)
		ordinary(t, file)
	}
	for i, n := range countPictures(t, files) {
		require.Equal(t, int(r.status(name(i)).AccessUnits), n, name(i))
		require.GreaterOrEqual(t, n, int(seconds*25), name(i))
		require.InDelta(t, float64(n)/25, recorded[i].Duration, 0.04, name(i))
	}
}

// load publishes, records until each file holds so many seconds, stops all recordings by API,
// and closes the publishers.
func load(t *testing.T, r *recorder, pattern string, n int, c *footage.Clip, seconds uint64) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ended := make(chan error, 1)
	l := &publishload.Load{URL: r.rtsp + "/" + pattern, N: n, Clip: c}
	for i := range n {
		r.start(fmt.Sprintf(pattern, i+1), "?wait=true")
	}
	go func() { ended <- l.Run(ctx) }()
	for i := range n {
		name := fmt.Sprintf(pattern, i+1)
		require.Eventually(t, func() bool { return r.status(name).AccessUnits >= seconds*25 },
			patience+time.Duration(seconds)*time.Second, 100*time.Millisecond, name)
	}
	for i := range n {
		name := fmt.Sprintf(pattern, i+1)
		require.Empty(t, r.stream(name).Drops, name)
		r.stop(name)
	}
	leave()
	require.NoError(t, <-ended)
	eventually(t, "publishers left", func() bool {
		for i := range n {
			if s := r.stream(fmt.Sprintf(pattern, i+1)); s.State == "live" {
				return false
			}
		}
		return true
	})
}
