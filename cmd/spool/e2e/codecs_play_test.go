package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unknown are the codecs whose form in RTP neither ffmpeg 5.1 nor GStreamer 1.22 of Debian can read.
var unknown = map[string]bool{"av1": true, "opus, 5.1": true, "e-ac-3": true, "e-ac-3, 44.1 kHz, 5.1": true, "onvif": true}

// Each codec that comes in by RTSP goes out by RTSP: another recorder that pulls the stream records the packets of the source,
// and ffmpeg or GStreamer plays them.
func TestEachCodecIsPlayedByRTSP(t *testing.T) {
	t.Parallel()
	settings, pulls := "streams:\n", "streams:\n"
	for i, c := range codecs {
		settings += fmt.Sprintf("  live/%d: {%s}\n", i, c.settings)
	}
	origin := serve(t, settings)
	for i, c := range codecs {
		pulls += fmt.Sprintf("  again/%d: {pull: '%s/live/%d', %s}\n", i, origin.rtsp, i, c.settings)
	}
	second := serve(t, pulls)
	second.expect("the stream is silent", "pull failed") // once its publisher was killed
	for i, c := range codecs {
		if c.without[byPush] != "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source, a, b := c.source(t, longClip), origin.of(t), second.of(t)
			stream, again := fmt.Sprint("live/", i), fmt.Sprint("again/", i)
			defer c.publish(t, source, a.rtsp+"/"+stream).kill()
			eventually(t, "the stream is live", func() bool { return a.stream(stream).State == "live" })
			var p *player
			var ids []string
			if !unknown[c.name] {
				p = a.plays(c, stream)
				eventually(t, "the player reads", func() bool { ids = a.readersOf(stream); return len(ids) == 1 })
			}
			b.start(again, "")
			b.awaitUnits(again, 150)
			b.stop(again)
			c.isIn(t, b.path(b.awaitRecords(again, 1)[0].File), source)
			if p == nil {
				return
			}
			eventually(t, "the player writes", func() bool {
				info, err := os.Stat(p.pictures)
				return err == nil && info.Size() > 2000
			})
			for _, id := range ids {
				code, text := a.ask("DELETE", "/mp4/connections/"+id)
				require.Equal(t, http.StatusOK, code, "%s", text)
			}
			<-p.done
			c.wasPlayed(t, p.pictures, source)
		})
	}
}

// readersOf returns the connections that read a stream by RTSP.
func (r *recorder) readersOf(stream string) (ids []string) {
	r.t.Helper()
	type connection struct {
		ID, State string
		Path      string `json:"stream_path"`
	}
	for _, c := range answer[struct{ Connections []connection }](r, "GET", "/mp4/connections?protocol=rtsp").Connections {
		if c.Path == stream && c.State == "reading" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// isIn requires that a recording has a stretch of the source, and nothing else.
func (c coded) isIn(t *testing.T, file, source string) {
	t.Helper()
	kinds := []string{"v", "a"}
	if c.alone {
		kinds = []string{c.kind}
	} else if c.kind == "d" {
		kinds[1] = "d"
	}
	for _, kind := range kinds {
		switch {
		case kind != c.kind || c.compare == nil:
			same(t, file, source, kind)
		case kind == "v":
			runOf(t, file, source, kind, decodedTrack)
		default:
			got := samplesOf(t, file)
			require.NotEmpty(t, got)
			require.Contains(t, samplesOf(t, source), got, file)
		}
	}
}

// plays plays the track of a codec: pictures and uncompressed sound decoded, other sound as it comes.
func (r *recorder) plays(c coded, stream string) *player {
	r.t.Helper()
	if c.kind == "d" {
		return r.player("gst-launch-1.0", strings.Fields("-q rtspsrc location="+r.rtsp+"/"+stream+" protocols=tcp name=s s. ! "+
			"application/x-rtp,media=application ! rtpklvdepay ! filesink location=v sync=false buffer-mode=unbuffered")...)
	}
	return r.player("ffmpeg", append([]string{"-v", "error", "-rtsp_transport", "tcp", "-i", r.rtsp + "/" + stream}, append(c.played(), "-flush_packets", "1", "v")...)...)
}

// played returns the arguments of ffmpeg for the track of a codec.
func (c coded) played() []string {
	args := []string{"-map", "0:" + c.kind + ":0"}
	switch {
	case c.kind == "v":
		return append(args, "-fps_mode", "passthrough", "-f", "framemd5")
	case c.compare != nil:
		return append(args, "-f", "s32le", "-c:a", "pcm_s32le")
	}
	return append(args, "-c", "copy", "-f", "framemd5")
}

// wasPlayed requires that a player has got a stretch of the source.
func (c coded) wasPlayed(t *testing.T, file, source string) {
	t.Helper()
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	switch {
	case c.kind == "d":
		var all []byte
		for picture := range 25 * longClip {
			if unit, comes := c.metadata.of(picture); comes {
				all = append(all, unit...)
			}
		}
		require.True(t, bytes.Contains(all, got), "the items of %s", c.name)
	case c.kind == "a" && c.compare != nil:
		const sample = 8 // bytes, of two channels
		require.True(t, strings.Contains(samplesOf(t, source), string(got[:len(got)/sample*sample])), "the samples of %s", c.name)
	default:
		hashes := hashesIn(t, file)
		if c.kind == "v" { // pictures that are shown between the last ones may not have come
			hashes = hashes[:max(len(hashes)-4, 0)]
		}
		requireRun(t, hashes, framemd5(t, source, c.played()[:len(c.played())-2]...), 10)
	}
}
