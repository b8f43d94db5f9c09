package cmaf_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
	"github.com/gospool/spool/stages/egress/egresstest"
	"github.com/gospool/spool/stages/hub"
)

const patience = time.Minute

// camera publishes a stream that packagers package.
type camera struct {
	*egresstest.Camera
	t         *testing.T
	packagers *cmaf.Packagers
	taken     int    // units that all has returned
	next      uint64 // number of the part behind them
}

func newCamera(t *testing.T, cfg cmaf.Config) *camera {
	t.Helper()
	c := egresstest.New(t)
	return &camera{Camera: c, t: t, packagers: cmaf.NewPackagers(c.Hub, c.Tasks, egresstest.Epoch, cfg)}
}

func (c *camera) open() *cmaf.Use {
	c.t.Helper()
	use, err := c.packagers.Open(egresstest.Path, 0)
	require.NoError(c.t, err)
	return use
}

// take waits for the next part.
func take(t *testing.T, c *cmaf.Client) (part *cmaf.Part, skipped uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	part, skipped, err := c.Take(ctx)
	require.NoError(t, err)
	t.Cleanup(part.Release)
	return part, skipped
}

func content(p *cmaf.Part) []byte { return bytes.Join(p.Slices(nil), nil) }

// samples reads fragments with another library: by track the payloads, and the decode times in ticks.
func samples(t *testing.T, fragments []byte) (payloads [2][][]byte, times [2][]uint64) {
	t.Helper()
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal(fragments))
	for _, p := range parts {
		for _, track := range p.Tracks {
			at := track.BaseTime
			for _, s := range track.Samples {
				payloads[track.ID-1] = append(payloads[track.ID-1], s.Payload)
				times[track.ID-1] = append(times[track.ID-1], at)
				at += uint64(s.Duration)
			}
		}
	}
	return payloads, times
}

func TestAllUnitsAreInTheParts(t *testing.T) {
	c := newCamera(t, cmaf.Config{})
	use := c.open()
	defer use.Close()
	c.Publish(640)
	c.Shoot(130, 50)
	c.Leave()
	init, err := use.Tracks(t.Context())
	require.NoError(t, err)
	require.Equal(t, `video/mp4; codecs="avc1.42C01E,mp4a.40.2"`, init.MIME())
	var head fmp4.Init
	require.NoError(t, head.Unmarshal(bytes.NewReader(init.Bytes)))
	require.Len(t, head.Tracks, 2)
	var all []byte
	segment := uint64(0)
	for n, p := range c.all(use) {
		require.Equal(t, uint64(n), p.Number)
		require.Same(t, init, p.Init)
		require.Equal(t, n == 0 || p.Segment > segment, p.First)
		require.Equal(t, p.First, p.Independent)
		require.LessOrEqual(t, p.DurationNS, int64(200*time.Millisecond))
		require.Len(t, content(p), p.SizeBytes)
		segment = p.Segment
		all = append(all, content(p)...)
	}
	require.Equal(t, uint64(2), segment, "a segment a GOP")
	got, times := samples(t, all)
	require.Equal(t, c.Sent[0], got[0])
	require.Equal(t, c.Sent[1], got[1])
	for i, at := range times[0] {
		require.Equal(t, uint64(3600*i), at)
	}
	for i, at := range times[1] {
		require.Equal(t, uint64(1024*i), at)
	}
}

func TestAClientBeginsWithTheNewestSegment(t *testing.T) {
	c := newCamera(t, cmaf.Config{})
	use := c.open()
	defer use.Close()
	c.Publish(640)
	defer c.Leave()
	first := use.Client()
	c.Shoot(120, 25) // less than the window
	for p, _ := take(t, first); p.Segment < 4; p, _ = take(t, first) {
	}
	p, skipped := take(t, use.Client())
	require.Zero(t, skipped)
	require.True(t, p.First)
	require.Equal(t, uint64(4), p.Segment)
}

// all waits for the parts with the units that were sent since its last call.
func (c *camera) all(use *cmaf.Use) (parts []*cmaf.Part) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	held, err := use.Parts(ctx, func(held []*cmaf.Part) bool {
		units := 0
		for _, p := range held {
			if p.Number >= c.next {
				units += p.Units
			}
		}
		return units == c.Units()-c.taken
	})
	require.NoError(c.t, err)
	c.t.Cleanup(func() { cmaf.ReleaseAll(held) })
	for _, p := range held {
		if p.Number >= c.next {
			parts = append(parts, p)
		}
	}
	c.taken, c.next = c.Units(), held[len(held)-1].Number+1
	return parts
}

// A publisher that returns continues the time line by the wall clock.
func TestAPublisherThatReturns(t *testing.T) {
	c := newCamera(t, cmaf.Config{})
	use := c.open()
	defer use.Close()
	c.Publish(640)
	c.Shoot(20, 50)
	c.Leave()
	before := c.all(use)
	c.UTC += 5_000_000_000
	c.Publish(640)
	c.Shoot(20, 50)
	c.Leave()
	again := c.all(use)
	require.True(t, again[0].First && again[0].Discontinuous)
	require.Zero(t, again[0].Discontinuities)
	require.Same(t, before[0].Init, again[0].Init)
	require.Equal(t, before[0].Segment+1, again[0].Segment)
	_, times := samples(t, content(again[0]))
	require.Equal(t, uint64((800+5000)*90), times[0][0])

	c.Publish(1280)
	c.Shoot(20, 50)
	c.SetTracks(640)
	c.Next, c.Sound = 25, 48000 // no sound before the key frame
	c.Shoot(20, 25)
	c.Leave()
	other := c.all(use)
	require.True(t, other[0].First && other[0].Discontinuous)
	require.Equal(t, 1, other[0].Discontinuities)
	require.Equal(t, uint64(2), other[0].Init.Number)
	require.Equal(t, 1280, other[0].Init.Width)
	last := other[len(other)-1]
	require.Equal(t, uint64(3), last.Init.Number)
	require.Equal(t, 3, last.Discontinuities)
	_, times = samples(t, content(last))
	require.Equal(t, uint64((800+5000+3*800-40)*90), times[0][len(times[0])-1], "times never go back")
}

func TestASlowClientContinuesWithTheNewestSegment(t *testing.T) {
	c := newCamera(t, cmaf.Config{Window: time.Nanosecond})
	use := c.open()
	defer use.Close()
	slow, quick := use.Client(), use.Client()
	c.Publish(640)
	defer c.Leave()
	c.Shoot(6, 25)
	held, _ := take(t, slow)
	want := content(held)
	c.Shoot(24, 25)
	for last := uint64(5); last < 60; last += 5 {
		c.Shoot(25, 25)
		for p, _ := take(t, quick); p.Number < last; p, _ = take(t, quick) {
		}
	}
	p, skipped := take(t, slow)
	require.True(t, p.First)
	require.Equal(t, p.Number-1, skipped)
	require.Equal(t, want, content(held), "a part lives as long as a client holds it")
}

func TestTheWindowOfASegmentIsBounded(t *testing.T) {
	c := newCamera(t, cmaf.Config{Window: 3 * time.Second})
	use := c.open()
	defer use.Close()
	c.Publish(640)
	defer c.Leave()
	var parts []*cmaf.Part
	for i := range uint64(20) {
		cmaf.ReleaseAll(parts)
		c.Shoot(25, 25)
		var err error // the packager must not fall behind
		parts, err = use.Parts(t.Context(), func(p []*cmaf.Part) bool { return len(p) > 0 && p[len(p)-1].Segment == i })
		require.NoError(t, err)
	}
	defer func() { cmaf.ReleaseAll(parts) }()
	require.True(t, parts[0].First)
	require.LessOrEqual(t, 1e9*int64(19-parts[0].Segment), int64(4e9))
	require.Empty(t, use.Segment(19), "it goes on")
	whole := use.Segment(18)
	defer cmaf.ReleaseAll(whole)
	require.Len(t, whole, 5)
	require.Empty(t, use.Segment(1), "it has left")
}

func TestAPackagerEndsAfterItsLastUse(t *testing.T) {
	c := newCamera(t, cmaf.Config{Linger: time.Millisecond})
	use := c.open()
	client := use.Client()
	c.Publish(640)
	c.Shoot(60, 25)
	take(t, client)
	use.Close()
	use.Close()
	for {
		p, _, err := client.Take(t.Context())
		if err != nil {
			require.ErrorIs(t, err, cmaf.ErrEnded)
			break
		}
		p.Release()
	}
	_, err := use.Tracks(t.Context())
	require.ErrorIs(t, err, cmaf.ErrEnded)
	c.Leave()
}

func TestAStreamThatNoPlayerKnows(t *testing.T) {
	c := newCamera(t, cmaf.Config{})
	use := c.open()
	defer use.Close()
	pub, err := c.Hub.Publish(egresstest.Path, hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	defer pub.Close(endcause.SourceLost)
	require.NoError(t, pub.SetTracks([]media.Track{{Codec: codec.LPCM, Timescale: 8000, SampleRate: 8000, Channels: 1, ParameterSets: [][]byte{codec.LPCMFormat{Bits: 16}.Set()}}}))
	require.NoError(t, pub.Write(0, &media.AU{UTC: 1e18, Sync: true, Payload: [][]byte{{1, 2, 3, 4}}}))
	_, err = use.Tracks(t.Context())
	require.ErrorIs(t, err, cmaf.ErrNoTracks)
}
