package cmaf

import (
	"bytes"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/egress/egresstest"
	"github.com/gospool/spool/stages/hub"
)

// packager is a packager whose units the test adds.
type packager struct {
	*egresstest.Camera
	Packager
	t     *testing.T
	units *hub.Reader
}

func newPackager(t *testing.T, cfg Config) *packager {
	t.Helper()
	p := &packager{Camera: egresstest.New(t), t: t}
	p.setUp(cfg.withDefaults(), egresstest.Path, egresstest.Epoch, 0)
	var err error
	p.units, err = p.Hub.Read(egresstest.Path, live.Options{})
	require.NoError(t, err)
	p.Publish(640)
	t.Cleanup(func() {
		p.Leave()
		p.discard()
		p.window.close()
		p.units.Close()
	})
	return p
}

// shoot sends pictures, and adds them and the sound.
func (p *packager) shoot(pictures, gop int) {
	p.t.Helper()
	for range pictures {
		p.Shoot(1, gop)
		p.take()
	}
}

// take adds the units that were sent.
func (p *packager) take() {
	p.t.Helper()
	for {
		u, err := p.units.Poll()
		require.NoError(p.t, err)
		if u == nil {
			return
		}
		p.add(u)
	}
}

// skip sends pictures that do not reach the packager.
func (p *packager) skip(pictures, gop int) {
	p.t.Helper()
	p.Shoot(pictures, gop)
	p.units.Close()
	var err error
	p.units, err = p.Hub.Read(egresstest.Path, live.Options{})
	require.NoError(p.t, err)
	u, err := p.units.Poll()
	require.NoError(p.t, err)
	skipped := *u
	skipped.Skipped = 7
	p.add(&skipped)
}

// segments returns the durations of the segments in the window.
func (p *packager) segments() (ns []time.Duration) {
	for _, part := range p.parts {
		if part.First {
			ns = append(ns, 0)
		}
		ns[len(ns)-1] += time.Duration(part.DurationNS)
	}
	return ns
}

func TestASegmentWithoutAKeyFrameEnds(t *testing.T) {
	p := newPackager(t, Config{Longest: 2 * time.Second, Window: 3 * time.Second})
	p.shoot(2, 1e6)
	client := &Client{window: &p.window}
	p.shoot(248, 1e6)
	part, _ := client.find()
	require.Equal(t, uint64(0), part.Number, "the window keeps the only key frame")
	part.Release()
	require.Len(t, p.segments(), 5)
	for _, lasts := range p.segments() {
		require.LessOrEqual(t, lasts, 2*time.Second)
	}
	require.True(t, p.parts[0].BeginsGOP && p.parts[0].Independent)
	for _, part := range p.parts[1:] {
		require.False(t, part.BeginsGOP || part.Independent)
	}
	p.maxBytes = 1 << 20
	p.shoot(250, 1e6)
	require.LessOrEqual(t, p.bytes, 1<<20)
	require.LessOrEqual(t, p.bytes, int(p.Held()))
	late := &Client{window: &p.window}
	none, _ := late.find()
	require.Nil(t, none, "it waits for a key frame")
	require.Equal(t, 500, p.Next)
	p.shoot(10, 500)
	part, _ = late.find()
	require.True(t, part.First && part.BeginsGOP)
	part.Release()
}

// What is missing between two units is a discontinuity, and the decode times show how long it was.
func TestSkippedUnitsAreADiscontinuity(t *testing.T) {
	p := newPackager(t, Config{})
	p.shoot(30, 50)
	p.skip(21, 50)
	p.shoot(30, 50)
	newest := p.parts[len(p.parts)-1]
	require.Equal(t, 1, newest.Discontinuities)
	require.Equal(t, uint64(1), newest.Segment)
	for _, part := range p.parts {
		require.Equal(t, part.Segment == 1 && part.First, part.Discontinuous)
		if part.Discontinuous {
			require.Equal(t, egresstest.StartUTC+2e9, part.StartUTC)
		}
	}
}

func TestAStreamThatStandsStillGoesOnAtAKeyFrame(t *testing.T) {
	p := newPackager(t, Config{Longest: 2 * time.Second})
	p.shoot(30, 50)
	p.Next += 75 // three seconds without a picture
	p.shoot(10, 50)
	require.Equal(t, []time.Duration{1200 * time.Millisecond}, p.segments(), "no picture lasts for seconds")
	p.shoot(50, 50)
	require.Len(t, p.segments(), 2)
	require.True(t, p.parts[len(p.parts)-1].Discontinuities == 1)
}

// The sound of a publisher that returns begins behind the sound that it had sent ahead of the pictures.
func TestNoTrackGoesBack(t *testing.T) {
	p := newPackager(t, Config{})
	p.shoot(25, 50)
	p.Say(100)
	p.Leave()
	p.take()
	p.Publish(640)
	p.shoot(30, 50)
	at := int64(-1)
	for _, part := range p.parts {
		var file fmp4.Parts
		require.NoError(t, file.Unmarshal(part.Bytes()))
		for _, track := range file[0].Tracks {
			if track.ID == 2 {
				require.Greater(t, int64(track.BaseTime), at)
				at = int64(track.BaseTime) + 1024*int64(len(track.Samples)) - 1
			}
		}
	}
	require.Greater(t, at, int64(125*1024))
}

func TestLimitsFollowFromTheMediaAndStay(t *testing.T) {
	use := func(p *packager) *Use { return &Use{Packager: &p.Packager} }
	p := newPackager(t, Config{})
	p.shoot(120, 50)
	want := Limits{PartNS: 2e8, SegmentNS: 3e9}
	require.Equal(t, want, use(p).Limits())
	p.shoot(1000, 1000)
	require.Equal(t, want, use(p).Limits())
	for _, lasts := range p.segments() {
		require.LessOrEqual(t, lasts, 3*time.Second)
	}
	early := newPackager(t, Config{})
	early.shoot(10, 500)
	require.Equal(t, Limits{PartNS: 2e8, SegmentNS: 10e9}, use(early).Limits(), "no segment is complete")
	early.shoot(500, 500)
	require.Equal(t, 10*time.Second, early.segments()[0])

	slow := newPackager(t, Config{Part: 30 * time.Millisecond}) // less than one picture
	slow.shoot(120, 50)
	require.Equal(t, Limits{PartNS: 5e7, SegmentNS: 3e9}, use(slow).Limits())
}

// The memory budget drops segments from the window, but not the newest one.
func TestTheWindowSheds(t *testing.T) {
	p := newPackager(t, Config{})
	p.shoot(130, 25)
	for want := 4; want >= 1; want-- {
		require.True(t, p.Shed())
		require.Len(t, p.segments(), want)
		held := 0
		for _, part := range p.parts {
			held += part.SizeBytes
		}
		require.Equal(t, int64(held), p.Held())
	}
	require.False(t, p.Shed())
	require.Len(t, p.segments(), 1)
}

// The newest parts share one copy of their bytes, and an old one keeps none.
func TestBytesOfAPart(t *testing.T) {
	p := newPackager(t, Config{})
	p.shoot(50, 50)
	part := p.parts[0]
	require.Equal(t, bytes.Join(part.Slices(nil), nil), part.Bytes())
	require.Same(t, &part.Bytes()[0], &part.Bytes()[0])
	p.shoot(100, 50)
	require.NotSame(t, &part.Bytes()[0], &part.Bytes()[0])
}
