package testpattern

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

const path = "live/demo"

// withHub runs a test on a hub of its own, in a bubble of simulated time.
func withHub(t *testing.T, test func(t *testing.T, h *hub.Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		pool := media.NewCheckedPool()
		tasks := pipeline.NewTasks(log, pipeline.SystemClock)
		h := hub.New(pool, tasks, hub.Config{Log: log})
		test(t, h)
		h.Close()
		require.NoError(t, tasks.Stop(context.Background()))
		require.Zero(t, pool.Outstanding(), pool.Leaks())
	})
}

func subscribe(t *testing.T, h *hub.Hub, pull string) *hub.Subscription {
	t.Helper()
	require.NoError(t, h.Configure(path, hub.StreamConfig{Pull: pull}))
	sub, err := h.Subscribe(path)
	require.NoError(t, err)
	return sub
}

// appendChunk turns the video of a chunk into a byte stream.
func appendChunk(dst []byte, c *media.Chunk) []byte {
	startCode := []byte{0, 0, 0, 1}
	if c.StartsGOP {
		for _, set := range c.Set.Tracks[VideoTrack].ParameterSets {
			dst = append(append(dst, startCode...), set...)
		}
	}
	for p := c.Tracks[VideoTrack].Payload.Append(nil); len(p) > 0; {
		n := 4 + binary.BigEndian.Uint32(p)
		dst = append(append(dst, startCode...), p[4:n]...)
		p = p[n:]
	}
	return dst
}

func TestALiveStreamKeepsTimeAndHasNoHole(t *testing.T) {
	const frames = 1800 // a minute
	rate := Rate{30000, 1001}
	var stream []byte
	withHub(t, func(t *testing.T, h *hub.Hub) {
		began := time.Now()
		sub := subscribe(t, h, "testpattern://?size=160x120&fps=30000/1001&gop=60&start=500")
		defer sub.Close()
		video, audio := int64(500), int64(-1)
		for video < 500+frames {
			c, err := sub.Take(t.Context())
			require.NoError(t, err)
			first := video
			for _, dts := range c.Tracks[VideoTrack].DTS {
				require.Equal(t, rate.ticks(video, videoTimescale), dts)
				video++
			}
			for _, dts := range c.Tracks[AudioTrack].DTS {
				require.True(t, audio < 0 || dts == audio+1024, "sound has no hole")
				audio = dts
			}
			at := time.Duration(rate.ticks(first, 1e9) - rate.ticks(500, 1e9))
			require.Equal(t, began.Add(at).UnixNano(), c.UTC, "the wall clock is that of the first frame")
			late := time.Since(began) - time.Duration(rate.ticks(video, 1e9)-rate.ticks(500, 1e9))
			require.InDelta(t, 0, late, float64(time.Millisecond), "a chunk closes when the frame after it is due")
			stream = appendChunk(stream, c)
			c.Release()
		}
	})
	pictures := decodeVideo(t, stream, 160, 120)
	require.GreaterOrEqual(t, len(pictures), frames)
	for i, luma := range pictures {
		n, ok := ReadFrameNumber(luma, 160, 160, 120)
		require.True(t, ok)
		require.Equal(t, uint32(500+i), n)
	}
}

func TestAFiniteStreamIsReadToItsEnd(t *testing.T) {
	for _, speed := range []string{"realtime", "max"} {
		withHub(t, func(t *testing.T, h *hub.Hub) {
			began := time.Now()
			sub := subscribe(t, h, "testpattern://?size=64x64&duration=3&speed="+speed)
			defer sub.Close()
			units := 0
			for {
				c, err := sub.Take(t.Context())
				if err != nil {
					var end *pipeline.EndError
					require.ErrorAs(t, err, &end)
					require.EqualValues(t, endcause.EndOfFile, end.Reason)
					break
				}
				units += c.AccessUnits()
				c.Release()
			}
			require.Equal(t, 75+141, units) // 3 s at 25/s and at 48000/1024 a second
			if speed == "max" {
				require.Zero(t, time.Since(began))
			} else {
				require.InDelta(t, 3*time.Second, time.Since(began), float64(50*time.Millisecond))
			}
		})
	}
}

func TestPullEndsWithItsContextOrPublisher(t *testing.T) {
	for _, raw := range []string{"testpattern://?size=64x64", "testpattern://?size=64x64&speed=max"} {
		for _, replaced := range []bool{false, true} {
			withHub(t, func(t *testing.T, h *hub.Hub) {
				u, err := url.Parse(raw)
				require.NoError(t, err)
				p, err := newPuller(hub.PullOptions{URL: u, Path: path, Clock: pipeline.SystemClock})
				require.NoError(t, err)
				ctx, cancel := context.WithCancelCause(t.Context())
				stop := errors.New("enough")
				var pub *hub.Publisher
				published, ended := make(chan struct{}), make(chan error, 1)
				go func() {
					ended <- p.Pull(ctx, func(origin string) (*hub.Publisher, error) {
						defer close(published)
						pub, err = h.Publish(path, hub.PublishOptions{Origin: origin})
						return pub, err
					})
				}()
				<-published
				if replaced {
					other, err := h.Publish(path, hub.PublishOptions{Origin: "other", Override: true})
					require.NoError(t, err)
					err = <-ended
					require.True(t, errors.Is(err, hub.ErrReplaced) || errors.Is(err, hub.ErrClosed), "%v", err)
					other.Close(endcause.Stop)
				} else {
					cancel(stop)
					require.ErrorIs(t, <-ended, stop)
					pub.Close(endcause.Stop)
				}
				cancel(nil)
			})
		}
	}
}

func TestAWrongURLIsRefusedWhenItIsConfigured(t *testing.T) {
	withHub(t, func(t *testing.T, h *hub.Hub) {
		err := h.Configure(path, hub.StreamConfig{Pull: "testpattern://?gop=0"})
		require.ErrorContains(t, err, "gop is 0; it is from 1 to 100000")
	})
}
