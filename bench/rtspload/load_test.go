package rtspload

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/movie"
)

// small returns four access units in two GOPs, one of them of several packets.
func small() *clip.Clip {
	big := make([]byte, 5000)
	big[0] = 0x65
	sps := []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8}
	pps := []byte{0x68, 0xce, 0x3c, 0x80}
	return &clip.Clip{FPS: 100, SPS: sps, PPS: pps, Units: []clip.Unit{
		{NALs: [][]byte{sps, pps, big}, IDR: true}, {NALs: [][]byte{{0x41, 0x9a, 1}}},
		{NALs: [][]byte{{0x65, 0x88, 2}}, IDR: true}, {NALs: [][]byte{{0x41, 0x9a, 3}}},
	}}
}

func serve(t *testing.T, readAhead bool) *bareserver.Server {
	s, err := bareserver.Start("127.0.0.1:0", readAhead)
	require.NoError(t, err)
	return s
}

// Whatever a publisher counts as sent has arrived when it has left: no access unit stays in a queue.
func TestEveryUnitArrives(t *testing.T) {
	defer goleak.VerifyNone(t)
	for name, c := range map[string]struct{ fast, sound, inPhase, readAhead bool }{
		"real time": {}, "fast": {fast: true}, "in phase": {inPhase: true}, "sound": {sound: true},
		"fast with sound": {fast: true, sound: true}, "read ahead": {sound: true, inPhase: true, readAhead: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.readAhead)
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ready := make(chan struct{})
			load := &Load{
				URL: "rtsp://" + server.Address() + "/live/cam%03d", N: 3, Clip: small(),
				Sound: c.sound, Fast: c.fast, InPhase: c.inPhase, Ready: func() { close(ready) },
			}
			ended := make(chan error, 1)
			go func() { ended <- load.Run(ctx) }()
			<-ready
			require.EqualValues(t, 3, load.Stats().Publishers)
			require.Eventually(t, func() bool { return server.Stats().Units >= 300 }, time.Minute, 5*time.Millisecond)
			cancel()
			require.NoError(t, <-ended)
			require.Eventually(t, func() bool { return server.Stats().Units >= load.Stats().Units }, time.Minute, time.Millisecond)
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
			require.Equal(t, pictureBytes, got.Bytes-frames*soundFrameBytes, "whole pictures")
		})
	}
}

func TestFramesOfSoundAreNumberedAndTimed(t *testing.T) {
	s, err := newSound()
	require.NoError(t, err)
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
	server := serve(t, false)
	address := server.Address()
	load := &Load{URL: "rtsp://" + address + "/live/cam%03d", N: 2, Clip: small(), Ready: server.Close}
	require.ErrorContains(t, load.Run(t.Context()), "publish rtsp://"+address+"/live/cam")
	require.ErrorContains(t, load.Run(t.Context()), "publish rtsp://"+address+"/live/cam", "the server has closed")
}

func TestLoadOfNothingIsRefused(t *testing.T) {
	require.Error(t, (&Load{URL: "rtsp://127.0.0.1:1/%d", N: 0, Clip: small()}).Run(t.Context()))
	require.Error(t, (&Load{URL: "rtsp://127.0.0.1:1/%d", N: 1, Clip: &clip.Clip{FPS: 25}}).Run(t.Context()))
}

func TestTimesAreExactOverManyRounds(t *testing.T) {
	c := small()
	c.FPS = 30
	p, err := packetize(c)
	require.NoError(t, err)
	require.Equal(t, 2, p.gop)
	require.Len(t, p.units[0], 5, "SPS and PPS in one, the picture in four")
	require.EqualValues(t, 90000*3600, p.ticks(30*3600))
	require.EqualValues(t, 3000, p.ticks(1))
	c.FPS = 29
	p, err = packetize(c)
	require.NoError(t, err)
	require.EqualValues(t, 90000*1000, p.ticks(29*1000), "no rounding adds up")
}
