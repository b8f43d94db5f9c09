package rtsp

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// TestPublishedUnitsAreTheSourcesOwn publishes with ffmpeg and compares every access unit with the source file.
func TestPublishedUnitsAreTheSourcesOwn(t *testing.T) {
	for _, tc := range []struct {
		name, transport, rate, flags string
		codec                        media.Codec
		clip                         []string
		gathers                      bool // as many AAC frames in a packet as ffmpeg likes, not one
	}{
		{"h264 tcp", "tcp", "", "", codec.H264, x264, false},
		{"h265 tcp", "tcp", "", "", codec.H265, x265, false},
		{"h264 and latm tcp", "tcp", "", "latm", codec.H264, x264, false},
		{"h264 udp", "udp", "-re", "", codec.H264, x264, false},
		{"h265 udp", "udp", "-re", "", codec.H265, x265, false},
		{"several aac frames a packet", "tcp", "", "", codec.H264, x264, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			_, addr := r.serve(Config{UDP: freeUDPPair(t)})
			wait := r.record("live/a/b")
			file := clip(t, tc.codec.String(), tc.clip...)
			args := []string{"-i", file, "-c", "copy", "-max_delay", "1000", "-f", "rtsp", "-rtsp_transport", tc.transport, "rtsp://" + addr + "/live/a/b"}
			unsent := 1
			if tc.flags != "" {
				args, unsent = append(args[:len(args)-1], "-rtpflags", tc.flags, args[len(args)-1]), 0
			}
			if tc.rate != "" {
				args = append([]string{tc.rate}, args...)
			}
			if tc.gathers {
				args = slices.Delete(args, slices.Index(args, "-max_delay"), slices.Index(args, "-max_delay")+2)
			}
			ffmpeg(t, args...)
			got := wait()
			if tc.gathers {
				audio, _ := probe(t, file, "a")
				unsent = len(audio) - len(got.units[codec.AAC])
				require.Greater(t, unsent, 1, "several in the last packet")
				require.Less(t, unsent, 48, "the units gathered in a second")
			}
			require.EqualValues(t, endcause.SourceLost, got.end)
			require.Len(t, got.sets, 1)
			compare(t, file, tc.codec, got, unsent)
			require.Empty(t, r.losses("live/a/b"))
		})
	}
}

// compare checks units against a file: none missing, none twice, none changed, times equal to a tick, and sound in
// sync with the picture.
//
// unsent is the number of frames at the end that the publisher itself never sends: ffmpeg gathers AAC frames for a
// packet and drops the last packet at its end.
func compare(t *testing.T, file string, coding media.Codec, got taken, unsent int) {
	t.Helper()
	video, vscale := probe(t, file, "v")
	audio, ascale := probe(t, file, "a")
	compareTrack(t, video, got.units[coding], vscale, 90000)
	compareTrack(t, audio[:len(audio)-unsent], got.units[codec.AAC], ascale, 48000)
	want := media.ToNanos(audio[0].pts, ascale) - media.ToNanos(video[0].pts, vscale)
	is := media.ToNanos(got.units[codec.AAC][0].pts, 48000) - media.ToNanos(got.units[coding][0].pts, 90000)
	require.InDelta(t, want, is, 1e6, "sound against picture, ns")
}

func compareTrack(t *testing.T, want []sourcePacket, got []unit, from, to uint32) {
	t.Helper()
	require.Equal(t, len(want), len(got), "number of units")
	for i, w := range want {
		g := got[i]
		require.Equal(t, w.hash, g.hash, "unit %d: payload", i)
		require.Equal(t, w.key, g.sync, "unit %d: key", i)
		dts := media.Rescale(w.dts, from, to) - media.Rescale(want[0].dts, from, to)
		pts := media.Rescale(w.pts, from, to) - media.Rescale(want[0].pts, from, to)
		require.InDelta(t, dts, g.dts-got[0].dts, 1, "unit %d: decoding time", i)
		require.InDelta(t, pts, g.pts-got[0].pts, 1, "unit %d: presentation time", i)
		require.InDelta(t, media.Rescale(w.pts-w.dts, from, to), g.pts-g.dts, 1, "unit %d: composition offset", i)
	}
}
