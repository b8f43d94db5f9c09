package e2e

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A publisher that is killed and comes back does not end the file. The file has the packets of both of its lives, sound and
// picture in step, and the recording lists the gap.
func TestTheFileGoesOnWhenThePublisherComesBack(t *testing.T) {
	t.Parallel()
	port := somePort()
	r := serve(t, "ingest: {reconnect_grace: 10m}\nstreams: {live/rtsp: {}, live/rtmp: {}}", "--set", fmt.Sprintf("ingest/rtmp/listen=127.0.0.1:%d", port))
	for stream, to := range map[string][]string{
		"live/rtsp": {"-f", "rtsp", "-rtsp_transport", "tcp", r.rtsp + "/live/rtsp"},
		"live/rtmp": {"-f", "flv", fmt.Sprintf("rtmp://127.0.0.1:%d/live/rtmp", port)},
	} {
		t.Run(stream, func(t *testing.T) { r.comesBack(t, stream, to) })
	}
}

func (r *recorder) comesBack(t *testing.T, stream string, to []string) {
	r.start(stream, "?wait=true")
	var begun uint64
	for range 3 {
		p := publishBy(t, append([]string{"-re", "-i", flvClip(t, "aac"), "-c", "copy"}, to...)...)
		eventually(t, "the file grows", func() bool { s := r.status(stream); return s.State == "recording" && s.AccessUnits > begun+100 })
		p.kill()
		eventually(t, "the recorder has noticed", func() bool { return r.stream(stream).State != "live" })
		begun = r.status(stream).AccessUnits
	}
	r.stop(stream)
	recs := r.records(stream)
	require.Equal(t, []string{"stop"}, ends(recs))
	file := r.path(recs[0].File)
	decodes(t, file)
	ordinary(t, file)

	video, sound := probe(t, file, "v"), probe(t, file, "a")
	source, heard := probe(t, flvClip(t, "aac"), "v"), probe(t, flvClip(t, "aac"), "a")
	lives := follow(t, video, source)
	require.Len(t, lives, 3, "each life begins with the first picture of the source")
	voices := follow(t, sound, heard)
	require.Len(t, voices, 3)
	for i := range lives {
		require.InDelta(t, lives[i].shift, voices[i].shift, 1.1, "ms: picture and sound of life %d are in step", i)
	}
	tl := r.timeline(stream, recs[0].Start.Add(-time.Second), recs[0].End.Add(time.Second), "")
	require.Len(t, tl.Spans, 1)
	for _, g := range tl.Gaps { // one of the sound and one of the pictures for each return
		require.Equal(t, "source_lost", g.Cause)
		require.True(t, g.Inside)
	}
	require.Len(t, tl.Gaps, 4)
	for i, life := range lives[1:] {
		begin := recs[0].Start.Add(time.Duration(lives[i].endMillis * 1e6))
		missing := (life.beginMillis-lives[i].endMillis)/1000 - 0.040
		require.True(t, slices.ContainsFunc(tl.Gaps, func(g gap) bool {
			return g.Start.Sub(begin).Abs() < time.Second && math.Abs(g.Seconds-missing) < 0.01
		}), "%v s from %v on: %+v", missing, begin, tl.Gaps)
	}
	require.InDelta(t, recs[0].End.Sub(recs[0].Start).Seconds(), recs[0].Duration, 0.5, "media time is the time on the wall")
}

// life is a run of packets of a source within a file.
type life struct{ shift, beginMillis, endMillis float64 }

// follow divides a recorded track into the runs of its source's packets, each of which begins with the source's first.
func follow(t *testing.T, got, want track) (all []life) {
	t.Helper()
	at := len(want.packets)
	for i, g := range got.packets {
		if g.hash == want.packets[0].hash && (at == len(want.packets) || at > 50) {
			at = 0
			all = append(all, life{shift: got.millis(g.pts) - want.millis(want.packets[0].pts), beginMillis: got.millis(g.dts)})
		}
		require.Less(t, at, len(want.packets))
		require.Equal(t, want.packets[at].hash, g.hash, "packet %d", i)
		last := &all[len(all)-1]
		last.endMillis = got.millis(g.dts)
		require.InDelta(t, last.shift, got.millis(g.pts)-want.millis(want.packets[at].pts), 1.1, "packet %d", i)
		at++
	}
	return all
}
