package publishload

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/movie"
)

// small returns four access units in two GOPs, one of them of several packets.
func small() *clip.Clip {
	big := make([]byte, 5000)
	big[0] = 0x65
	sps := []byte{0x67, 0x64, 0, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0, 0, 3, 0, 2, 0, 0, 3, 0, 0x3d, 0x08}
	pps := []byte{0x68, 0xee, 0x3c, 0x80}
	return &clip.Clip{FPS: 100, SPS: sps, PPS: pps, Units: []clip.Unit{
		{NALs: [][]byte{sps, pps, big}, IDR: true}, {NALs: [][]byte{{0x41, 0x9a, 1}}},
		{NALs: [][]byte{{0x65, 0x88, 2}}, IDR: true}, {NALs: [][]byte{{0x41, 0x9a, 3}}},
	}}
}

// serve starts a server that discards, for three publishers. It returns the URL at which they publish.
func serve(t *testing.T, kind string) (server bareserver.Publishers, url string) {
	t.Helper()
	const anyPort = "127.0.0.1:0"
	var err error
	switch protocol, way, _ := strings.Cut(kind, ", "); protocol {
	case "rtsp":
		server, err = bareserver.StartRTSP(anyPort, way == "read ahead")
		url = "rtsp://%s/live/cam%%03d"
	case "rtmp":
		server, err = bareserver.StartRTMP(anyPort)
		url = "rtmp://%s/live/cam%%03d"
	case "srt":
		server, err = bareserver.StartSRT(anyPort, 20*time.Millisecond, way == "demuxed")
		url = "srt://%s?streamid=publish:live/cam%%03d&latency=200"
	case "udp":
		var address string
		address, err = child.FreeDatagramAddress(3)
		require.NoError(t, err)
		server, err = bareserver.StartUDP(address, 3, way == "demuxed")
		url = "udp://%s"
	}
	require.NoError(t, err)
	return server, fmt.Sprintf(url, server.Address())
}

// Whatever a publisher counts as sent has arrived when it has left: no access unit stays in a queue.
func TestEveryUnitArrives(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, c := range []struct {
		server               string
		fast, sound, inPhase bool
	}{
		{server: "rtsp"},
		{server: "rtsp", fast: true},
		{server: "rtsp", inPhase: true},
		{server: "rtsp", fast: true, sound: true},
		{server: "rtsp, read ahead", sound: true, inPhase: true},
		{server: "rtmp"},
		{server: "rtmp", sound: true, inPhase: true},
		{server: "rtmp", sound: true, fast: true},
		{server: "srt, counted", sound: true},
		{server: "srt, demuxed", sound: true, inPhase: true},
		{server: "udp, counted"},
		{server: "udp, counted", sound: true, inPhase: true},
		{server: "udp, demuxed", sound: true},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			server, url := serve(t, c.server)
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			ready := make(chan struct{})
			load := &Load{URL: url, N: 3, Clip: small(), Sound: c.sound, Fast: c.fast, InPhase: c.inPhase, Ready: func() { close(ready) }}
			ended := make(chan error, 1)
			go func() { ended <- load.Run(ctx) }()
			select {
			case <-ready:
			case err := <-ended:
				t.Fatal(err)
			}
			require.EqualValues(t, 3, load.Stats().Publishers)
			require.Eventually(t, func() bool {
				s := server.Stats()
				return s.Sessions == 3 && s.Units >= 300
			}, 2*time.Minute, 5*time.Millisecond)
			cancel()
			require.NoError(t, <-ended)
			server.Close()
			sent, got := load.Stats(), server.Stats()
			require.EqualValues(t, 3, got.Sessions)
			require.Zero(t, got.Errors)
			require.Zero(t, got.Lost)
			require.Equal(t, got.Units, sent.Units)
			require.Zero(t, sent.Publishers)
			var pictures, frames, pictureBytes int64
			for _, one := range load.Sent() {
				if !c.fast { // where one publisher may send everything before another has a turn
					require.Positive(t, one.Pictures)
				}
				for n := range one.Pictures {
					pictureBytes += int64(small().Units[n%4].Bytes())
				}
				pictures, frames = pictures+one.Pictures, frames+one.Frames
				if c.sound && !c.fast {
					require.InDelta(t, one.Pictures*movie.AudioScale/100, one.Frames*movie.AudioStep, 2*movie.AudioStep, "as long as the pictures")
				}
			}
			require.Equal(t, sent.Units, pictures+frames)
			require.Equal(t, c.sound, frames > 0)
			if strings.HasSuffix(c.server, "counted") {
				require.Equal(t, sent.Bytes, got.Bytes, "all packets")
			} else {
				require.Equal(t, pictureBytes, got.Bytes-frames*soundFrameBytes, "whole pictures")
			}
		})
	}
}

func TestFramesOfSoundAreNumberedAndTimed(t *testing.T) {
	s := &sound{}
	next := int64(0)
	for n := range int64(100) {
		frames, first := s.until(n, 25)
		require.Equal(t, next*movie.AudioStep, first)
		for _, frame := range frames {
			number, ok := FrameNumber(frame)
			require.True(t, ok)
			require.Equal(t, next, number)
			next++
		}
	}
	require.EqualValues(t, 4*movie.AudioScale/movie.AudioStep+1, next, "every frame that begins within 4 s")
	_, ok := FrameNumber([]byte{1, 2, 3, 4})
	require.False(t, ok)
}

func TestServerThatGoesAwayIsAnError(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, kind := range []string{"rtsp", "rtmp", "srt"} {
		server, url := serve(t, kind)
		says := "publish " + url[:strings.Index(url, "%")]
		load := &Load{URL: url, N: 2, Clip: small(), Ready: server.Close}
		require.ErrorContains(t, load.Run(t.Context()), says)
		if kind != "srt" { // which waits for half a minute
			require.ErrorContains(t, load.Run(t.Context()), says, "the server has closed")
		}
	}
}

func TestLoadOfNothingIsRefused(t *testing.T) {
	for says, l := range map[string]*Load{
		"no publisher":            {URL: "rtsp://127.0.0.1:1/%d", N: 0, Clip: small()},
		"without frame rate":      {URL: "rtsp://127.0.0.1:1/%d", N: 1, Clip: &clip.Clip{FPS: 25}},
		"rtmp, rtsp, srt, udp":    {URL: "http://127.0.0.1:1/%d", N: 1, Clip: small()},
		"as fast as possible":     {URL: "udp://127.0.0.1:1", N: 1, Clip: small(), Fast: true},
		"address of the first pu": {URL: "udp://localhost", N: 1, Clip: small()},
	} {
		require.ErrorContains(t, l.Run(t.Context()), says)
	}
}

func TestTimesAreExactOverManyRounds(t *testing.T) {
	c := small()
	c.FPS = 30
	p, err := packetize(c)
	require.NoError(t, err)
	require.Len(t, p.units[0], 5, "SPS and PPS in one, the picture in four")
	require.EqualValues(t, 90000*3600, p.ticks(30*3600))
	require.EqualValues(t, 3000, p.ticks(1))
	c.FPS = 29
	p, err = packetize(c)
	require.NoError(t, err)
	require.EqualValues(t, 90000*1000, p.ticks(29*1000), "no rounding adds up")
}
