package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sound requires that every file of a stream decodes and is about as long as its frames. It
// returns the number of frames in each.
func sound(t *testing.T, r *recorder, recs []record) (counts []int) {
	t.Helper()
	for _, rec := range recs {
		file := r.path(rec.File)
		decodes(t, file)
		ordinary(t, file)
		n := frames(t, file)
		require.InDelta(t, float64(n)/25, rec.Duration, 0.1, "%s: no insane duration", rec.File)
		require.InDelta(t, float64(n)/25, describe(t, file).Format.Duration, 0.1, rec.File)
		require.Less(t, rec.End.Sub(rec.Start), patience, rec.File)
		counts = append(counts, n)
	}
	return counts
}

// ends returns the end reasons of recordings, with the gap before each if there is one.
func ends(recs []record) (out []string) {
	for _, rec := range recs {
		text := rec.EndReason
		if rec.Gap != nil {
			text = rec.Gap.Cause + "; " + text
		}
		out = append(out, text)
	}
	return out
}

func TestPublisherDiesAndReturns(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {}}")
	r.expect("media is missing before this file")
	r.start("live/a", "?wait=true")
	for n := range 2 {
		p := publish(t, x264Clip(t), r.rtsp+"/live/a", "tcp", "-re")
		eventually(t, "a file grows", func() bool { s := r.status("live/a"); return s.State == "recording" && s.AccessUnits > 100 })
		p.kill()
		r.awaitRecords("live/a", n+1)
	}
	r.stop("live/a")
	recs := r.records("live/a")
	require.Equal(t, []string{"source_lost", "source_lost; source_lost"}, ends(recs))
	for _, rec := range recs {
		file := r.path(rec.File)
		decodes(t, file)
		ordinary(t, file)
		got := same(t, file, x264Clip(t), "v")
		require.Zero(t, got.from, "from the publisher's first key frame on")
		require.InDelta(t, probe(t, file, "v").shown(40), rec.Duration, 0.1)
	}
	gone := recs[1].Start.Sub(recs[0].End).Seconds()
	require.InDelta(t, gone, recs[1].Gap.Seconds, 2, "the gap is as long as there was no publisher")
	require.Positive(t, recs[1].Gap.Seconds)
}

func TestResolutionChangesInMidStream(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {}}")
	small, large := h264(t, "small", "320x180", "4", "25"), h264(t, "large", "640x360", "4", "25")
	r.start("live/a", "?wait=true")
	cam := newCamera(t, r.rtsp+"/live/a", small)
	at := cam.send(small.Units, 0)
	at = cam.send(large.Units, at)
	cam.send(small.Units, at)
	cam.leave(r, "live/a", 300)
	recs := r.awaitRecords("live/a", 3)
	require.Equal(t, []string{"tracks_changed", "tracks_changed", "source_lost"}, ends(recs))
	require.Equal(t, []int{100, 100, 100}, sound(t, r, recs))
	for i, width := range []int{320, 640, 320} {
		require.Equal(t, width, describe(t, r.path(recs[i].File)).Streams[0].Width, "file %d", i)
	}
}

// Players need a key frame at the beginning. Frames before the first key frame are counted, and
// frames after it are recorded however long the next key frame takes.
func TestKeyFramesAreRare(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/late: {}, live/never: {}, live/once: {}, live/cut: {}}\n"+
		"pipelines:\n"+
		"  plain: {streams: [live/late, live/never, live/once], stages: [source, gop_ring, segmenter, mp4, metadata]}\n"+
		"  cut: {streams: [live/cut], stages: [source, gop_ring, {segmenter: {max_duration: 5s}}, mp4, metadata]}\n")
	c := h264(t, "rare", "320x180", "40", "1000")
	short := h264(t, "small", "320x180", "4", "25")

	r.expect("no key frame")
	r.start("live/never", "?wait=true")
	cam := newCamera(t, r.rtsp+"/live/never", c)
	cam.send(c.Units[1:751], 0) // 30 s
	eventually(t, "all is counted", func() bool { return r.dropped("live/never") >= 749 })
	s := r.status("live/never")
	require.Equal(t, "waiting", s.State, "%+v", s)
	r.stop("live/never")
	cam.close()
	require.Empty(t, r.records("live/never"))

	r.start("live/late", "?wait=true")
	cam = newCamera(t, r.rtsp+"/live/late", short)
	at := cam.send(c.Units[1:751], 0)
	cam.send(short.Units, at)
	cam.leave(r, "live/late", 100)
	recs := r.awaitRecords("live/late", 1)
	require.Equal(t, []string{"source_lost"}, ends(recs))
	require.Equal(t, []int{100}, sound(t, r, recs))

	r.start("live/once", "?wait=true")
	cam = newCamera(t, r.rtsp+"/live/once", c)
	cam.send(c.Units[:800], 0) // 32 s
	cam.leave(r, "live/once", 800)
	recs = r.awaitRecords("live/once", 1)
	require.Equal(t, []string{"source_lost"}, ends(recs))
	require.Equal(t, []int{800}, sound(t, r, recs))

	r.start("live/cut", "?wait=true")
	cam = newCamera(t, r.rtsp+"/live/cut", c)
	at = cam.send(c.Units[:800], 0)
	eventually(t, "the status reports it", func() bool { return strings.Contains(fmt.Sprint(r.status("live/cut").Problems), "no_key_frame") })
	cam.send(short.Units, at)
	cam.leave(r, "live/cut", 900)
	recs = r.awaitRecords("live/cut", 2)
	require.Equal(t, []string{"max_duration", "source_lost"}, ends(recs))
	require.Equal(t, []int{800, 100}, sound(t, r, recs), "the file goes on until the next key frame, and the next one can be decoded")
}

// A file ends when it reaches four times its size without a key frame. The frames until the next
// one could not be decoded: they are a counted gap.
func TestKeyFrameComesAfterTheSizeBound(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {}}\n"+
		"pipelines: {p: {stages: [source, gop_ring, {segmenter: {max_size: 100000}}, mp4, metadata]}}")
	r.expect("media is missing before this file", "no key frame")
	c, short := h264(t, "rare", "320x180", "40", "1000"), h264(t, "small", "320x180", "4", "25")
	r.start("live/a", "?wait=true")
	cam := newCamera(t, r.rtsp+"/live/a", c)
	at := cam.send(c.Units[:800], 0)
	cam.send(short.Units[:50], at) // the second key frame ends the GOP of the first
	eventually(t, "the next file begins", func() bool { return r.status("live/a").Segments == 2 })
	drops := r.status("live/a").Drops // all drops were before that file
	cam.leave(r, "live/a", 850)
	recs := r.awaitRecords("live/a", 3)
	require.Equal(t, []string{"max_size", "no_key_frame; max_size", "source_lost"}, ends(recs))
	counts := sound(t, r, recs)
	require.Less(t, counts[0], 800)
	require.Equal(t, []int{25, 25}, counts[1:])
	require.InDelta(t, float64(800-counts[0])/25, recs[1].Gap.Seconds, 0.1, "as long as the missing frames")
	require.Contains(t, fmt.Sprint(drops), fmt.Sprintf("{no_key_frame %d}", 800-counts[0]))
}

// dropped returns how many access units of a stream the hub has dropped.
func (r *recorder) dropped(name string) (n int) {
	for _, d := range r.stream(name).Drops {
		n += int(d.AccessUnits)
	}
	return n
}

// The sender's clock is set during the transmission. No frame is lost, and no file has a gap of
// an hour.
func TestTimestampsJumpByAnHour(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/gop: {}, live/middle: {}}")
	r.expect("the sender's clock jumped")
	c := h264(t, "jump", "320x180", "12", "25")
	const hour = 3600 * 90000
	for stream, first := range map[string]int{"live/gop": 100, "live/middle": 110} {
		r.start(stream, "?wait=true")
		cam := newCamera(t, r.rtsp+"/"+stream, c)
		at := cam.send(c.Units[:first], 1000)
		at = cam.send(c.Units[first:200], at+hour)
		cam.send(c.Units[200:], at-2*hour)
		cam.leave(r, stream, 300)
		recs := r.awaitRecords(stream, 3)
		require.Equal(t, []string{"gap", "timestamp_jump; gap", "timestamp_jump; source_lost"}, ends(recs), stream)
		cut := (first + 24) / 25 * 25 // the next key frame
		require.Equal(t, []int{cut, 200 - cut, 100}, sound(t, r, recs), stream)
		require.True(t, slices.IsSortedFunc(recs, func(a, b record) int { return a.Start.Compare(b.Start) }), fmt.Sprint(recs))
	}
}

// Packets are lost, and after them the sender has another clock. Media is missing, and the log,
// the row and the status report it.
func TestALossAndAJumpOfTheClockCoincide(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {}}")
	r.expect("media is missing before this file", "packets were lost on the way")
	c := h264(t, "jump", "320x180", "12", "25")
	r.start("live/a", "?wait=true")
	cam := newCamera(t, r.rtsp+"/live/a", c)
	at := cam.send(c.Units[:100], 0)
	for _, u := range c.Units[100:150] {
		_, err := cam.coder.Encode(u.NALs) // encoded, and therefore numbered, but not sent
		require.NoError(t, err)
	}
	cam.send(c.Units[150:], at+3600*90000)
	eventually(t, "the status reports it", func() bool { return strings.Contains(fmt.Sprint(r.status("live/a").Warnings), "packets were lost") })
	cam.leave(r, "live/a", 250)
	recs := r.awaitRecords("live/a", 2)
	require.Equal(t, []string{"gap", "rtp_loss; source_lost"}, ends(recs))
	require.Equal(t, []int{100, 150}, sound(t, r, recs))
	require.InDelta(t, 2, recs[1].Gap.Seconds, 1, "two seconds were not sent")
	require.Nil(t, r.find("the sender's clock jumped"), "something is missing")
}
