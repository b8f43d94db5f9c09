package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Players play a recording by RTSP to its end: each picture and each frame of sound is that of the file.
func TestARecordingIsReplayedByRTSP(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"h264": x264Clip(t), "h265": x265Clip(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			udp := udpPair(t)
			r := serve(t, "", "--set", fmt.Sprintf("ingest/rtsp/udp={rtp: %d, rtcp: %d}", udp, udp+1))
			const stream, replay = "live/shown", "replay/live/shown"
			r.start(stream, "?wait=true")
			publish(t, source, r.rtsp+"/"+stream, "tcp", "-re").finish()
			r.stop(stream)
			rec := r.awaitRecords(stream, 1)[0]
			file := r.path(rec.File)
			pictures, sound := framemd5(t, file, "-map", "0:v"), framemd5(t, file, "-map", "0:a", "-c", "copy")

			tcp, datagrams := r.ffplays(replay, "tcp"), r.ffplays(replay, "udp")
			depay, parse := map[string]string{"h264": "rtph264depay", "h265": "rtph265depay"}[name], name+"parse"
			gst := func(url, mode string) *player {
				return r.player("gst-launch-1.0", strings.Fields("-q rtspsrc location="+r.rtsp+"/"+url+" protocols=tcp name=s "+mode+" s. ! application/x-rtp,media=video ! "+
					depay+" ! "+parse+" ! video/x-"+name+",stream-format=byte-stream,alignment=au ! filesink location=v")...)
			}
			plain, onvif := gst(replay, ""), gst(replay+"?range=clock", "onvif-mode=true")
			<-tcp.done // the server says that the tracks end
			require.Equal(t, pictures, hashesIn(t, tcp.pictures))
			require.Equal(t, sound, hashesIn(t, tcp.sound))
			<-datagrams.done                                          // ffmpeg may read the end, which comes to another port, before the last packets
			if !strings.Contains(datagrams.book.String(), "missed") { // ffmpeg loses datagrams while it gets no processor
				requireRun(t, hashesIn(t, datagrams.pictures), pictures, len(pictures)-5)
				requireRun(t, hashesIn(t, datagrams.sound), sound, len(sound)-10)
			}
			requireOrder(t, hashesIn(t, datagrams.sound), sound)
			for _, p := range []*player{plain, onvif} {
				<-p.done
				requireRun(t, settled(framemd5(t, p.pictures), pictures), pictures, 100)
			}
			r.replayedFrom(replay, rec.Start, pictures)
			require.Empty(t, r.readers(), "players that have reached the end read no longer")
		})
	}
}

// settled returns the pictures that GStreamer 1.22 has got, without those at the ends. With a range by the wall clock it discards the first packets,
// for which it finds no time, and behind the last packets it does not wait for those that it holds back.
func settled(got, pictures []string) []string {
	got = got[:max(len(got)-10, 0)]
	begin := slices.IndexFunc(got, func(hash string) bool { return slices.Contains(pictures, hash) })
	return got[max(begin, 0):]
}

// replayedFrom plays by ffmpeg from the second key frame on, and with jumps of ffmpeg. Each picture has the time that it has in the recording.
func (r *recorder) replayedFrom(stream string, start time.Time, pictures []string) {
	r.t.Helper()
	later := r.player("ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", r.rtsp+"/"+stream+"?start="+start.Add(2500*time.Millisecond).UTC().Format(time.RFC3339Nano),
		"-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "v")
	jumped := r.player("ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-ss", "2.5", "-noaccurate_seek", "-i", r.rtsp+"/"+stream,
		"-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "v")
	for _, p := range []*player{later, jumped} {
		<-p.done
		require.Equal(r.t, pictures[50:], hashesIn(r.t, p.pictures))
	}
}

// The pipelines of live streams say nothing about recordings: when they change, a client plays its recording on.
func TestAReplayOutlivesAChangeOfPipelines(t *testing.T) {
	t.Parallel()
	r := serve(t, "pipelines: {shown: {streams: [\"live/*\"], stages: [source, {live: {outputs: [hls]}}]}}\n")
	const stream = "live/shown"
	r.start(stream, "?wait=true")
	publish(t, x264Clip(t), r.rtsp+"/"+stream, "tcp", "-re").finish()
	r.stop(stream)
	file := r.path(r.awaitRecords(stream, 1)[0].File)
	p := r.ffplays("replay/"+stream, "tcp")
	eventually(t, "it plays", func() bool { return len(r.readers()) == 1 })
	resp, text := r.send("PUT", "/mp4/pipelines/other", `{"streams": ["other"], "stages": ["source", "live"]}`, "Content-Type", "application/json")
	require.Equal(t, 200, resp.StatusCode, text)
	require.Len(t, r.readers(), 1, "the change is applied")
	<-p.done
	require.Equal(t, framemd5(t, file, "-map", "0:v"), hashesIn(t, p.pictures))
}
