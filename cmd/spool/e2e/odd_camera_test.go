package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
)

// problem holds the fields of a problem that the tests read.
type problem struct {
	Problem string `json:"problem"`
	Cause   string `json:"cause"`
	Remedy  string `json:"remedy"`
}

// wrong holds the problems and repairs of a stream or a status.
type wrong struct {
	Problems []problem `json:"problems"`
	Repairs  []struct {
		Cause string `json:"cause"`
		Count int    `json:"count"`
	} `json:"repairs"`
}

func (w wrong) repairs() string {
	var out []string
	for _, r := range w.Repairs {
		out = append(out, fmt.Sprint(r.Cause, " ", r.Count))
	}
	return strings.Join(out, ", ")
}

// TestACameraWithPairedTimestampsAndProprietaryNALUnits publishes pairs of frames with equal timestamps and
// a proprietary NAL unit in each. Every frame is recorded, at a time of its own.
func TestACameraWithPairedTimestampsAndProprietaryNALUnits(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/dvr: {}}")
	r.start("live/dvr", "?wait=true")
	c := h264(t, "pairs", "320x180", "2", "50")
	cam := newCamera(t, r.rtsp+"/live/dvr", c)
	vendor := []byte{0x7f, 'v', 'e', 'n', 'd', 'o', 'r'}
	for i := range c.Units {
		u := footage.Unit{NALs: append([][]byte{vendor}, c.Units[i].NALs...)}
		cam.send([]footage.Unit{u}, uint32(i/2*2)*frameTicks)
	}
	eventually(t, "all but the last pair, which waits for the next time", func() bool {
		return r.stream("live/dvr").AccessUnits >= 48 && answer[wrong](r, "GET", "/mp4/status/live/dvr").repairs() == "nal_unit_undefined 50, shared_timestamp 24"
	})
	require.EqualValues(t, 24, r.metric(`spool_stream_repairs_total{cause="shared_timestamp",stream="live/dvr"}`))
	cam.close()
	rec := r.awaitRecords("live/dvr", 1)[0]
	file := r.path(rec.File)
	got := probe(t, file, "v")
	require.Len(t, got.packets, 50)
	for i, p := range got.packets {
		require.EqualValues(t, i*frameTicks, p.pts-got.packets[0].pts, "picture %d", i)
	}
	require.Equal(t, decoded(t, clip(t, "pairs.h264")), decoded(t, file))
	require.InDelta(t, 2, rec.Duration, 0.1)
	require.Nil(t, rec.Gap)
}

// decoded returns the hash of each frame that ffmpeg decodes.
func decoded(t *testing.T, file string) (out []string) {
	for line := range strings.Lines(tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")) {
		if f := strings.Split(strings.TrimSpace(line), ","); len(f) == 6 {
			out = append(out, f[5])
		}
	}
	return out
}

// TestAStreamWithoutKeyFramesIsReported publishes a stream without key frames, and later with one. Log, stream,
// status and metrics report the problem until then.
func TestAStreamWithoutKeyFramesIsReported(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/keyless: {}}")
	r.expect("no access unit of a track can be recorded")
	c := h264(t, "keyless", "320x180", "20", "500")
	cam := newCamera(t, r.rtsp+"/live/keyless", c)
	at, i := uint32(0), 1
	said := func() wrong { return answer[wrong](r, "GET", "/mp4/status/live/keyless") }
	eventually(t, "the problem is said", func() bool {
		at = cam.send(c.Units[i:i+1], at)
		i++
		return len(said().Problems) > 0
	})
	p := said().Problems[0]
	require.Equal(t, "nothing_kept", p.Problem)
	require.Contains(t, p.Cause, "waiting_for_key_frame")
	require.Contains(t, p.Remedy, "key frame interval")
	r.await("no access unit of a track can be recorded", "codec", "h264")
	streams := answer[struct{ Streams []wrong }](r, "GET", "/mp4/streams").Streams
	require.Equal(t, []problem{p}, streams[0].Problems)
	require.EqualValues(t, 1, r.metric(`spool_stream_problems{problem="nothing_kept",stream="live/keyless"}`))

	at = cam.send(c.Units[:20], at)
	eventually(t, "the problem is over", func() bool { return len(said().Problems) == 0 })
	require.Zero(t, r.metric(`spool_stream_problems{problem="nothing_kept",stream="live/keyless"}`))
	r.await("the track is recorded again")
}
