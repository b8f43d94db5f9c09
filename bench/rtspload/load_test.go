package rtspload

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/clip"
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

func serve(t *testing.T) *bareserver.Server {
	s, err := bareserver.Start("127.0.0.1:0")
	require.NoError(t, err)
	return s
}

func TestEveryUnitArrives(t *testing.T) {
	defer goleak.VerifyNone(t)
	for name, fast := range map[string]bool{"real time": false, "fast": true} {
		t.Run(name, func(t *testing.T) {
			server := serve(t)
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			ready := make(chan struct{})
			load := &Load{URL: "rtsp://" + server.Address() + "/live/cam%03d", N: 3, Clip: small(), Fast: fast, Ready: func() { close(ready) }}
			ended := make(chan error, 1)
			go func() { ended <- load.Run(ctx) }()
			<-ready
			require.EqualValues(t, 3, load.Stats().Publishers)
			require.Eventually(t, func() bool { return server.Stats().Units >= 300 }, time.Minute, 5*time.Millisecond)
			cancel()
			require.NoError(t, <-ended)
			sent, got := load.Stats(), server.Stats()
			require.EqualValues(t, 3, got.Sessions)
			require.Zero(t, got.Errors)
			require.Zero(t, got.Lost)
			require.LessOrEqual(t, got.Units, sent.Units)
			require.Zero(t, sent.Publishers)
			perUnit := float64(got.Bytes) / float64(got.Units)
			require.InDelta(t, float64(small().Bytes())/4, perUnit, 50, "whole access units")
		})
	}
}

func TestServerThatGoesAwayIsAnError(t *testing.T) {
	defer goleak.VerifyNone(t)
	server := serve(t)
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
