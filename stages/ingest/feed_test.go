package ingest_test

import (
	"errors"
	"testing"
	"time"

	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
	"github.com/gospool/spool/stages/ingest/ingesttest/feedtest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// bench is a feed with RTP tracks.
type bench struct {
	*feedtest.Bench[*rtp.Track]
}

func newBench(t testing.TB) *bench { return newBenchFor(t, nil) }

func newBenchFor(t testing.TB, pub ingest.Publisher) *bench {
	return &bench{feedtest.New(t, pub, func(f *ingest.Feed, c ingest.TrackConfig) (*rtp.Track, error) {
		return rtp.Add(f, rtp.Config{Track: c})
	})}
}

func (b *bench) add(c rtp.Config) *rtp.Track {
	t, err := rtp.Add(b.Feed, c)
	require.NoError(b.T, err)
	return t
}

// sound is a track whose packets are frames: it puts a header before each.
type sound struct{ *rtp.Track }

func (s sound) Packet(p *pion.Packet, at time.Time) error {
	framed := *p
	framed.Payload = append([]byte{0, 16, byte(len(p.Payload) >> 8), byte(len(p.Payload))}, p.Payload...)
	return s.Track.Packet(&framed, at)
}

func (b *bench) audio() sound { return b.sound(func(*rtp.Config) {}) }

func (b *bench) sound(change func(*rtp.Config)) sound {
	payload, err := rtp.AACPayload(ingesttest.AACLC48, [3]int{16, 0, 0})
	require.NoError(b.T, err)
	c := rtp.Config{
		Track: feedtest.AAC(),
		Audio: payload,
	}
	change(&c)
	return sound{b.add(c)}
}

func TestOneTimeIsOneAccessUnit(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	for i := range uint32(20) { // each slice ends as if it were a picture
		b.Send(v, i*3600, true, ingesttest.IDR...)
		b.Send(v, i*3600, true, ingesttest.IDRLater...)
	}
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 20)
	for _, u := range b.Publisher.Units {
		require.Equal(t, [][]byte{ingesttest.IDR, ingesttest.IDRLater}, u.NALs)
	}
}

func TestASenderThatEndsItsPicturesIsNotHeldBack(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	for i := range uint32(30) {
		b.Send(v, i*3600, true, ingesttest.IDR...)
	}
	require.Len(t, b.Publisher.Units, 30)
}

func TestDelimitersFillerAndRepeatsAreRemoved(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	sei := []byte{6, 5, 1, 42, 0x80}
	for _, nal := range [][]byte{{9, 0x10}, ingesttest.Baseline, ingesttest.PPSX264, sei, {12, 0xff, 0x80}} {
		b.Send(v, 0, false, nal...)
	}
	b.Send(v, 0, true, ingesttest.IDR...)
	b.Feed.Close()
	require.Len(t, b.Publisher.Sets, 1)
	require.Equal(t, [][]byte{sei, ingesttest.IDR}, b.Publisher.Units[0].NALs)
	require.Empty(t, b.Publisher.Losses)
}

func TestAChangeIsKeptInTheStreamUntilItsKeyFrame(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	b.Send(v, 0, true, ingesttest.IDR...)
	b.Send(v, 3600, false, ingesttest.PPSField...) // a PPS of the same id for what follows
	b.Send(v, 3600, true, ingesttest.PSlice...)
	b.Send(v, 7200, false, ingesttest.PPSField...)
	b.Send(v, 7200, true, ingesttest.IDR...)
	b.Feed.Close()
	require.Len(t, b.Publisher.Sets, 2)
	require.Equal(t, [][]byte{ingesttest.Baseline, ingesttest.PPSField}, b.Publisher.Sets[1][0].ParameterSets)
	require.Equal(t, [][]byte{ingesttest.PPSField, ingesttest.PSlice}, b.Publisher.Units[1].NALs)
	require.Equal(t, []int{1, 1, 2}, []int{b.Publisher.Units[0].Set, b.Publisher.Units[1].Set, b.Publisher.Units[2].Set})
	require.Equal(t, [][]byte{ingesttest.IDR}, b.Publisher.Units[2].NALs)
}

func TestUnitsWithoutParameterSetsAreCounted(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264)
	b.Send(v, 0, true, ingesttest.IDR...)
	b.Send(v, 3600, false, ingesttest.Baseline...)
	b.Send(v, 3600, false, ingesttest.PPSX264...)
	b.Send(v, 3600, true, ingesttest.IDR...)
	b.Feed.Close()
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropNoParameterSets])
	require.Len(t, b.Publisher.Units, 1)
}

func TestSoundGoesOnWithoutAPictureThatNeverComes(t *testing.T) {
	b := newBench(t)
	b.Video(codec.H264)
	a := b.audio()
	for i := range uint32(600) {
		b.Send(a, i*1024, true, 0xaa, byte(i))
		b.Now = b.Now.Add(1024 * time.Second / 48000)
	}
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.AAC), 600, "nothing of the hold is lost")
	require.Len(t, b.Publisher.Sets, 1)
	require.Len(t, b.Publisher.Sets[0], 1)
}

func TestATrackThatComesLaterTakesItsPlaceByReport(t *testing.T) {
	b := newBench(t)
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	const hour = uint64(3600) << 32
	v.SenderReport(hour, 1000)
	for i := range uint32(100) {
		b.Send(v, 1000+i*3600, true, ingesttest.IDR...)
		b.Now = b.Now.Add(40 * time.Millisecond)
		if i == 60 { // 2.4 s later, and its packets are late by half a second
			a.SenderReport(hour+2<<32, 500)
		}
		if i >= 60 {
			b.Send(a, 500+(i-60)*1920, true, 0xaa)
		}
	}
	b.Feed.Close()
	require.Equal(t, int64(2*48000), b.Publisher.Of(codec.AAC)[0].AU.PTS)
	require.Zero(t, b.Publisher.Of(codec.H264)[0].AU.PTS)
	require.Len(t, b.Publisher.Sets[len(b.Publisher.Sets)-1], 2)
}

func TestReportsAlignToTheTick(t *testing.T) {
	b := newBench(t)
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	const second = uint64(1) << 32
	v.SenderReport(100*second, 1<<32-45000)   // wraps half a second later
	a.SenderReport(100*second+second/4, 9000) // another moment
	b.Send(a, 9000, true, 0xaa)               // at 100.25 s
	b.Send(v, 0, true, ingesttest.IDR...)     // at 100.5 s
	b.Send(v, 3600, true, ingesttest.IDR...)
	b.Feed.Close()
	require.Zero(t, b.Publisher.Of(codec.AAC)[0].AU.PTS)
	require.Equal(t, int64(22500), b.Publisher.Of(codec.H264)[0].AU.PTS)
	require.Contains(t, b.Log.String(), `by="sender reports"`)
}

func TestImplausibleReportsAreIgnored(t *testing.T) {
	b := newBench(t)
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	v.SenderReport(1<<32*10, 0)
	a.SenderReport(1<<32*9000, 0) // a clock of its own
	b.Send(a, 0, true, 0xaa)
	b.Send(v, 0, true, ingesttest.IDR...)
	b.Feed.Close()
	require.InDelta(t, 0, b.Publisher.Of(codec.AAC)[0].AU.PTS, 48)
	require.Contains(t, b.Log.String(), "by=arrival")
}

func TestInfoAlignsWhereThereAreNoReports(t *testing.T) {
	b := newBench(t)
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	v.Info(90000)
	a.Info(48000)
	b.Send(a, 48000+4800, true, 0xaa)
	b.Send(v, 90000, true, ingesttest.IDR...)
	b.Feed.Close()
	require.Equal(t, int64(4800), b.Publisher.Of(codec.AAC)[0].AU.PTS)
	require.Contains(t, b.Log.String(), "by=RTP-Info")
}

func TestLaterClockDisagreementsAreReportedOnceAndMoveNothing(t *testing.T) {
	b := newBench(t)
	v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
	v.SenderReport(1<<32*10, 0)
	a.SenderReport(1<<32*10, 0)
	for i := range uint32(100) {
		b.Send(a, i*1920, true, 0xaa)
		b.Send(v, i*3600, true, ingesttest.IDR...)
		b.Now = b.Now.Add(40 * time.Millisecond)
		if i >= 50 && i%10 == 0 {
			v.SenderReport(1<<32*10+uint64(i)<<32/25+1<<32*2, i*3600)
			a.SenderReport(1<<32*10+uint64(i)<<32/25+1<<32*3, i*1920)
		}
	}
	b.Feed.Close()
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropClocksDisagree])
	for i, u := range b.Publisher.Of(codec.H264) {
		require.Equal(t, int64(i)*3600, u.AU.PTS)
	}
}

func TestIntraRefreshHasSyncPointsOnceThereIsNoIDR(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	refresh := ingesttest.Hex("060602131080")
	for i := range uint32(500) { // 20 s, a recovery point each second
		at := i * 3600
		switch {
		case i == 0:
			b.Send(v, at, true, ingesttest.IDR...)
		case i%25 == 0:
			b.Send(v, at, false, refresh...)
			b.Send(v, at, true, ingesttest.PSlice...)
		default:
			b.Send(v, at, true, ingesttest.PSlice...)
		}
	}
	b.Feed.Close()
	var sync []int
	for i, u := range b.Publisher.Units {
		if u.AU.Sync {
			sync = append(sync, i)
		}
	}
	require.Equal(t, []int{0, 275, 300, 325, 350, 375, 400, 425, 450, 475}, sync)
}

func TestAnOpenGOPHasSyncPoints(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	b.Send(v, 0, true, ingesttest.IDR...)
	b.Send(v, 3600, false, 6, 6, 1, 0x84, 0x80) // recovery_frame_cnt 0
	b.Send(v, 3600, true, ingesttest.PSlice...)
	b.Feed.Close()
	require.True(t, b.Publisher.Units[1].AU.Sync)
}

func TestH265KeyFrames(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H265, ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265)
	for i, kind := range []byte{19, 1, 21, 9, 16, 1, 20} { // IDR, P, CRA, RASL, BLA, P, IDR
		b.Send(v, uint32(i)*3600, true, kind<<1, 1, 0x80, 7)
	}
	b.Feed.Close()
	var got []bool
	for _, u := range b.Publisher.Units {
		got = append(got, u.AU.Sync)
	}
	require.Equal(t, []bool{true, false, true, false, true, false, true}, got)
}

func TestTheEndOfThePublisherEndsTheFeed(t *testing.T) {
	gone := errors.New("gone")
	b := newBench(t)
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	for i := range uint32(20) {
		b.Send(v, i*3600, true, ingesttest.IDR...)
	}
	b.Publisher.Err = gone
	p := &pion.Packet{Header: pion.Header{SequenceNumber: b.Seq[v] + 1, Timestamp: 20 * 3600, Marker: true}, Payload: ingesttest.IDR}
	require.ErrorIs(t, v.Packet(p, b.Now), gone)
	require.ErrorIs(t, v.Packet(p, b.Now), gone)
	b.Feed.Close()
}

func TestFramesAreNotAllocatedFor(t *testing.T) {
	b := newBenchFor(t, ingesttest.Discard{})
	v := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264)
	p := &pion.Packet{Header: pion.Header{Marker: true}}
	start, middle, end := append([]byte{0x7c, 0x85, 0x88}, make([]byte, 1400)...), append([]byte{0x7c, 0x05}, make([]byte, 1400)...), append([]byte{0x7c, 0x45}, make([]byte, 700)...)
	frame := func() {
		for i, payload := range [][]byte{start, middle, middle, end} {
			p.SequenceNumber++
			p.Payload, p.Marker = payload, i == 3
			if err := v.Packet(p, b.Now); err != nil {
				t.Fatal(err)
			}
		}
		p.Timestamp += 3600
	}
	for range 50 {
		frame()
	}
	require.Zero(t, testing.AllocsPerRun(100, frame))
}
