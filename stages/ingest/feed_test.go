package ingest

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// shelf is a publisher that keeps what it is given.
type shelf struct {
	sets  [][]media.Track
	units []shelved
	lost  map[string]uint64
	err   error

	repaired map[string]uint64
	problems map[int]*pipeline.Problem
	refuse   error // of every unit
}

type shelved struct {
	set   int
	codec media.Codec
	au    media.AU
	nals  [][]byte
}

func (s *shelf) SetTracks(tracks []media.Track) error {
	s.sets = append(s.sets, tracks)
	return s.err
}

func (s *shelf) Write(track int, au *media.AU) error {
	if s.err != nil {
		return s.err
	}
	if s.refuse != nil {
		return s.refuse
	}
	u := shelved{set: len(s.sets), codec: s.sets[len(s.sets)-1][track].Codec, au: *au}
	for _, nal := range au.Payload {
		u.nals = append(u.nals, bytes.Clone(nal))
	}
	s.units = append(s.units, u)
	return nil
}

func (s *shelf) Lost(cause string, n uint64) {
	if s.lost == nil {
		s.lost = map[string]uint64{}
	}
	s.lost[cause] += n
}

func (s *shelf) Repaired(cause string, n uint64) {
	if s.repaired == nil {
		s.repaired = map[string]uint64{}
	}
	s.repaired[cause] += n
}

func (s *shelf) Problem(track int, what *pipeline.Problem) {
	if s.problems == nil {
		s.problems = map[int]*pipeline.Problem{}
	}
	s.problems[track] = what
}

func (s *shelf) of(c media.Codec) (out []shelved) {
	for _, u := range s.units {
		if u.codec == c {
			out = append(out, u)
		}
	}
	return out
}

// bench is a feed with RTP tracks, and a clock that the test turns.
type bench struct {
	t     testing.TB
	shelf *shelf
	log   bytes.Buffer
	feed  *Feed
	now   time.Time
	seq   map[*RTPTrack]uint16
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, shelf: &shelf{}, now: time.Now(), seq: map[*RTPTrack]uint16{}}
	b.feed = NewFeed(b.shelf, slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return b
}

func (b *bench) video(coding media.Codec, sets ...[]byte) *RTPTrack {
	t, err := b.feed.AddRTPTrack(RTPConfig{Track: TrackConfig{Codec: coding, Timescale: 90000, ParameterSets: sets}})
	require.NoError(b.t, err)
	return t
}

// rawAudio takes a packet's payload as one frame.
type rawAudio struct{ frames }

func (rawAudio) unpack(p *rtp.Packet, _ func([]byte) error) ([][]byte, error) {
	if p.Payload[0] == 0 {
		return nil, errShort
	}
	return [][]byte{p.Payload}, nil
}

func (b *bench) audio() *RTPTrack {
	t, err := b.feed.AddRTPTrack(RTPConfig{
		Track: TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{aacLC48}},
		Audio: rawAudio{frames{1024, 48000}},
	})
	require.NoError(b.t, err)
	return t
}

// send passes a packet whose sequence number follows the last.
func (b *bench) send(t *RTPTrack, at uint32, marker bool, payload ...byte) {
	b.t.Helper()
	b.seq[t]++
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: b.seq[t], Timestamp: at, Marker: marker}, Payload: payload}
	require.NoError(b.t, t.Packet(p, b.now))
}

// H.264 slices: an IDR picture, the first slice of it or a later one, and a P picture.
var (
	idr      = []byte{0x65, 0x88, 1}
	idrLater = []byte{0x65, 0x08, 1}
	pSlice   = []byte{0x41, 0x9a, 2}
)

// baseline is an SPS without reordering: units need no wait.
var baseline = fromHex("6742c00cd90141fb0110000003001000000303c0f14264")

func TestOneTimeIsOneAccessUnit(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	for i := range uint32(20) { // each slice ends as if it were a picture
		b.send(v, i*3600, true, idr...)
		b.send(v, i*3600, true, idrLater...)
	}
	b.feed.Close()
	require.Len(t, b.shelf.units, 20)
	for _, u := range b.shelf.units {
		require.Equal(t, [][]byte{idr, idrLater}, u.nals)
	}
}

func TestASenderThatEndsItsPicturesIsNotHeldBack(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	for i := range uint32(30) {
		b.send(v, i*3600, true, idr...)
	}
	require.Len(t, b.shelf.units, 30)
}

func TestDelimitersFillerAndRepeatsAreTakenOut(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	sei := []byte{6, 5, 1, 42, 0x80}
	for _, nal := range [][]byte{{9, 0x10}, baseline, ppsX264, sei, {12, 0xff, 0x80}} {
		b.send(v, 0, false, nal...)
	}
	b.send(v, 0, true, idr...)
	b.feed.Close()
	require.Len(t, b.shelf.sets, 1)
	require.Equal(t, [][]byte{sei, idr}, b.shelf.units[0].nals)
	require.Empty(t, b.shelf.lost)
}

func TestAChangeIsKeptInTheStreamUntilItsKeyFrame(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	b.send(v, 0, true, idr...)
	b.send(v, 3600, false, ppsField...) // a PPS of the same id for what follows
	b.send(v, 3600, true, pSlice...)
	b.send(v, 7200, false, ppsField...)
	b.send(v, 7200, true, idr...)
	b.feed.Close()
	require.Len(t, b.shelf.sets, 2)
	require.Equal(t, [][]byte{baseline, ppsField}, b.shelf.sets[1][0].ParameterSets)
	require.Equal(t, [][]byte{ppsField, pSlice}, b.shelf.units[1].nals)
	require.Equal(t, []int{1, 1, 2}, []int{b.shelf.units[0].set, b.shelf.units[1].set, b.shelf.units[2].set})
	require.Equal(t, [][]byte{idr}, b.shelf.units[2].nals)
}

func TestWithoutParameterSetsUnitsAreCounted(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264)
	b.send(v, 0, true, idr...)
	b.send(v, 3600, false, baseline...)
	b.send(v, 3600, false, ppsX264...)
	b.send(v, 3600, true, idr...)
	b.feed.Close()
	require.EqualValues(t, 1, b.shelf.lost[media.DropNoParameterSets])
	require.Len(t, b.shelf.units, 1)
}

func TestSoundGoesOnWithoutAPictureThatNeverComes(t *testing.T) {
	b := newBench(t)
	b.video(codec.H264)
	a := b.audio()
	for i := range uint32(600) {
		b.send(a, i*1024, true, 0xaa, byte(i))
		b.now = b.now.Add(1024 * time.Second / 48000)
	}
	b.feed.Close()
	require.Len(t, b.shelf.of(codec.AAC), 600, "nothing of the hold is lost")
	require.Len(t, b.shelf.sets, 1)
	require.Len(t, b.shelf.sets[0], 1)
}

func TestATrackThatComesLaterTakesItsPlaceByReport(t *testing.T) {
	b := newBench(t)
	v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
	const hour = uint64(3600) << 32
	v.SenderReport(hour, 1000)
	for i := range uint32(100) {
		b.send(v, 1000+i*3600, true, idr...)
		b.now = b.now.Add(40 * time.Millisecond)
		if i == 60 { // 2.4 s later, and its packets are late by half a second
			a.SenderReport(hour+2<<32, 500)
		}
		if i >= 60 {
			b.send(a, 500+(i-60)*1920, true, 0xaa)
		}
	}
	b.feed.Close()
	require.Equal(t, int64(2*48000), b.shelf.of(codec.AAC)[0].au.PTS)
	require.Zero(t, b.shelf.of(codec.H264)[0].au.PTS)
	require.Len(t, b.shelf.sets[len(b.shelf.sets)-1], 2)
}

func TestReportsAlignToTheTick(t *testing.T) {
	b := newBench(t)
	v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
	const second = uint64(1) << 32
	v.SenderReport(100*second, 1<<32-45000)   // wraps half a second later
	a.SenderReport(100*second+second/4, 9000) // another moment
	b.send(a, 9000, true, 0xaa)               // at 100.25 s
	b.send(v, 0, true, idr...)                // at 100.5 s
	b.send(v, 3600, true, idr...)
	b.feed.Close()
	require.Zero(t, b.shelf.of(codec.AAC)[0].au.PTS)
	require.Equal(t, int64(22500), b.shelf.of(codec.H264)[0].au.PTS)
	require.Contains(t, b.log.String(), `by="sender reports"`)
}

func TestReportsThatMakeNoSenseAreNotBelieved(t *testing.T) {
	b := newBench(t)
	v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
	v.SenderReport(1<<32*10, 0)
	a.SenderReport(1<<32*9000, 0) // a clock of its own
	b.send(a, 0, true, 0xaa)
	b.send(v, 0, true, idr...)
	b.feed.Close()
	require.InDelta(t, 0, b.shelf.of(codec.AAC)[0].au.PTS, 48)
	require.Contains(t, b.log.String(), "by=arrival")
}

func TestInfoAlignsWhereThereAreNoReports(t *testing.T) {
	b := newBench(t)
	v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
	v.Info(90000)
	a.Info(48000)
	b.send(a, 48000+4800, true, 0xaa)
	b.send(v, 90000, true, idr...)
	b.feed.Close()
	require.Equal(t, int64(4800), b.shelf.of(codec.AAC)[0].au.PTS)
	require.Contains(t, b.log.String(), "by=RTP-Info")
}

func TestClocksThatDisagreeLaterAreSaidOnceAndNothingMoves(t *testing.T) {
	b := newBench(t)
	v, a := b.video(codec.H264, baseline, ppsX264), b.audio()
	v.SenderReport(1<<32*10, 0)
	a.SenderReport(1<<32*10, 0)
	for i := range uint32(100) {
		b.send(a, i*1920, true, 0xaa)
		b.send(v, i*3600, true, idr...)
		b.now = b.now.Add(40 * time.Millisecond)
		if i >= 50 && i%10 == 0 {
			v.SenderReport(1<<32*10+uint64(i)<<32/25+1<<32*2, i*3600)
			a.SenderReport(1<<32*10+uint64(i)<<32/25+1<<32*3, i*1920)
		}
	}
	b.feed.Close()
	require.EqualValues(t, 1, b.shelf.lost[media.DropClocksDisagree])
	for i, u := range b.shelf.of(codec.H264) {
		require.Equal(t, int64(i)*3600, u.au.PTS)
	}
}

func TestIntraRefreshHasSyncPointsOnceThereIsNoIDR(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	refresh := fromHex("060602131080")
	for i := range uint32(500) { // 20 s, a recovery point each second
		at := i * 3600
		switch {
		case i == 0:
			b.send(v, at, true, idr...)
		case i%25 == 0:
			b.send(v, at, false, refresh...)
			b.send(v, at, true, pSlice...)
		default:
			b.send(v, at, true, pSlice...)
		}
	}
	b.feed.Close()
	var sync []int
	for i, u := range b.shelf.units {
		if u.au.Sync {
			sync = append(sync, i)
		}
	}
	require.Equal(t, []int{0, 275, 300, 325, 350, 375, 400, 425, 450, 475}, sync)
}

func TestAnOpenGOPHasSyncPoints(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	b.send(v, 0, true, idr...)
	b.send(v, 3600, false, 6, 6, 1, 0x84, 0x80) // recovery_frame_cnt 0
	b.send(v, 3600, true, pSlice...)
	b.feed.Close()
	require.True(t, b.shelf.units[1].au.Sync)
}

func TestH265KeyFrames(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H265, vpsX265, hevc25, ppsX265)
	for i, kind := range []byte{19, 1, 21, 9, 16, 1, 20} { // IDR, P, CRA, RASL, BLA, P, IDR
		b.send(v, uint32(i)*3600, true, kind<<1, 1, 0x80, 7)
	}
	b.feed.Close()
	var got []bool
	for _, u := range b.shelf.units {
		got = append(got, u.au.Sync)
	}
	require.Equal(t, []bool{true, false, true, false, true, false, true}, got)
}

func TestTheEndOfThePublisherEndsTheFeed(t *testing.T) {
	gone := errors.New("gone")
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	for i := range uint32(20) {
		b.send(v, i*3600, true, idr...)
	}
	b.shelf.err = gone
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: b.seq[v] + 1, Timestamp: 20 * 3600, Marker: true}, Payload: idr}
	require.ErrorIs(t, v.Packet(p, b.now), gone)
	require.ErrorIs(t, v.Packet(p, b.now), gone)
	b.feed.Close()
}

func TestFramesAreNotAllocatedFor(t *testing.T) {
	b := newBench(t)
	v := b.video(codec.H264, baseline, ppsX264)
	b.feed.pub = discard{}
	p := &rtp.Packet{Header: rtp.Header{Marker: true}}
	start, middle, end := append([]byte{0x7c, 0x85, 0x88}, make([]byte, 1400)...), append([]byte{0x7c, 0x05}, make([]byte, 1400)...), append([]byte{0x7c, 0x45}, make([]byte, 700)...)
	frame := func() {
		for i, payload := range [][]byte{start, middle, middle, end} {
			p.SequenceNumber++
			p.Payload, p.Marker = payload, i == 3
			if err := v.Packet(p, b.now); err != nil {
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

type discard struct{}

func (discard) SetTracks([]media.Track) error  { return nil }
func (discard) Write(int, *media.AU) error     { return nil }
func (discard) Lost(string, uint64)            {}
func (discard) Repaired(string, uint64)        {}
func (discard) Problem(int, *pipeline.Problem) {}
