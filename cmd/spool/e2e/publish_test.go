package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// seconds returns the length of the clips that are published in real time.
func seconds() int {
	if long {
		return 30
	}
	return 8
}

var lavfi = func() []string {
	return []string{
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=640x360:rate=25:duration=%d", seconds()),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:sample_rate=48000:duration=%d", seconds()),
	}
}

func x264Clip(t *testing.T) string {
	return clip(t, "x264.mp4", append(lavfi(), "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50",
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest")...)
}

func x265Clip(t *testing.T) string {
	return clip(t, "x265.mp4", append(lavfi(), "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1",
		"-x265-params", "bframes=3:keyint=50:log-level=error", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest")...)
}

// ffmpeg publishes the usual codecs. The recordings hold the same packets at the same times, in
// ordinary and in fragmented files.
func TestPublishedPacketsAreRecorded(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
			t.Parallel()
			udp := udpPair(t)
			r := serve(t, "", "--set", fmt.Sprintf("mp4/fragment=%v", fragment), "--set", "mp4/fragment_duration=2",
				"--set", fmt.Sprintf("ingest/rtsp/udp={rtp: %d, rtcp: %d}", udp, udp+1), "--set", "mp4/filename_pattern={stream_path}/{timestamp}_{ms}.mp4")
			var all sync.WaitGroup
			defer all.Wait()
			for _, c := range []struct{ stream, transport, file string }{
				{"live/h264/tcp", "tcp", x264Clip(t)}, {"live/h265/tcp", "tcp", x265Clip(t)}, {"live/h264/udp", "udp", x264Clip(t)},
			} {
				r.start(c.stream, "?wait=true")
				p := publish(t, c.file, r.rtsp+"/"+c.stream, c.transport, "-re")
				all.Go(func() { recordUntil(r, p, c.stream, c.file, fragment) })
			}
		})
	}
}

// recordUntil stops in the middle of the publication and compares.
func recordUntil(r *recorder, p *publisher, name, source string, fragment bool) {
	t := r.t
	enough := uint64(len(probe(t, source, "v").packets)) // of video and audio together: about a third of all
	eventually(t, name, func() bool { return r.status(name).AccessUnits > enough })
	before := r.stream(name).AccessUnits
	r.stop(name)
	after := r.stream(name)
	rec := r.awaitRecords(name, 1)[0]
	file := r.path(rec.File)
	require.Equal(t, "finished stop", rec.State+" "+rec.EndReason)
	require.Empty(t, after.Drops, name)

	video, audio := same(t, file, source, "v"), same(t, file, source, "a")
	require.GreaterOrEqual(t, uint64(video.count+audio.count+video.from+audio.from), before, "%s: all that was there at the stop", name)
	require.LessOrEqual(t, uint64(video.count+audio.count), after.AccessUnits, name)
	require.Zero(t, video.from, "the source begins with its first key frame")
	require.LessOrEqual(t, audio.firstMillis, video.firstMillis+50, "%s: sound from the first picture on", name)
	require.InDelta(t, video.shift, audio.shift, 1, "%s: ms between sound and picture", name)
	if fragment {
		fragmented(t, file)
	} else {
		ordinary(t, file)
	}
	decodes(t, file)
	reencodes(t, file)
	p.finish()
}

// match describes where a recorded track lies in its source.
type match struct {
	from, count int     // packets of the source
	shift       float64 // ms, from the source's times to the recorded ones
	firstMillis float64 // start of the track, in the source
}

// same requires that a recorded track is a run of its source's packets: each once, with the same
// payload, and with times that differ by a constant, to the tick.
func same(t *testing.T, file, source, kind string) match {
	t.Helper()
	return runOf(t, file, source, kind, probe)
}

// runOf is same for tracks that the function read reads.
func runOf(t *testing.T, file, source, kind string, read func(t *testing.T, file, kind string) track) (m match) {
	t.Helper()
	got, want := read(t, file, kind), read(t, source, kind)
	tick := 1000/float64(got.scale) + 1000/float64(want.scale) + 1000/90000. // ms; RTP's clock is in between
	return runWithin(t, file, kind, got, want, tick)
}

// runWithin compares the packets of a file, got, with those of its source, want, whose times may differ by so many
// milliseconds.
func runWithin(t *testing.T, file, kind string, got, want track, tick float64) (m match) {
	t.Helper()
	require.NotEmpty(t, got.packets)
	for m.from < len(want.packets) && want.packets[m.from].hash != got.packets[0].hash {
		m.from++
	}
	m.count = len(got.packets)
	require.LessOrEqual(t, m.from+m.count, len(want.packets), "%s: %s packets that are none of the source", file, kind)
	first, origin := got.packets[0], want.packets[m.from]
	for i, g := range got.packets {
		w := want.packets[m.from+i]
		require.Equal(t, w.hash, g.hash, "%s: %s packet %d", file, kind, i)
		require.Equal(t, w.key, g.key, "%s: %s packet %d", file, kind, i)
		require.InDelta(t, want.millis(w.dts-origin.dts), got.millis(g.dts-first.dts), tick, "%s: decoding time of %s packet %d", file, kind, i)
		require.InDelta(t, want.millis(w.pts-origin.pts), got.millis(g.pts-first.pts), tick, "%s: presentation time of %s packet %d", file, kind, i)
	}
	m.firstMillis = want.millis(origin.pts)
	m.shift = got.millis(first.pts) - m.firstMillis
	return m
}

// reencodes decodes all boxes of a file strictly with mp4ff and encodes them again: the bytes
// must be the same. mp4ff is not a dependency of the product.
func reencodes(t *testing.T, file string) {
	t.Helper()
	checker, err := mp4ffCheck()
	require.NoError(t, err)
	tool(t, checker, file)
}

// peers is the module whose dependencies the product does not need.
const peers = "../../../bench/peers"

var mp4ffCheck = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workshop, "mp4ffcheck")
	return path, goBuild(path, peers, "./mp4ffcheck", os.Environ())
})

// somePort returns a port below the ephemeral range: the system could assign a port of that
// range to another socket before the test binds it, or while its server is stopped.
func somePort() int { return 2 * (5000 + rand.IntN(11000)) }

// udpPair finds two free ports for RTP and RTCP.
func udpPair(t *testing.T) int {
	t.Helper()
	for range 200 {
		port, free := somePort(), true
		for i := range 2 {
			pc, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+i))
			if free = free && err == nil; err == nil {
				_ = pc.Close()
			}
		}
		if free {
			return port
		}
	}
	t.Fatal("no pair of free UDP ports")
	return 0
}

// freeAddress returns an address on which no program listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 200 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", somePort())); err == nil {
			require.NoError(t, l.Close())
			return l.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}
