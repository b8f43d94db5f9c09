package index_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

var (
	video = index.Track{ID: 1, Timescale: 90000, Handler: isobmff.FourCC([]byte("vide"))}
	audio = index.Track{ID: 2, Timescale: 48000, Handler: isobmff.FourCC([]byte("soun"))}
	of    = index.Source{Recording: media.ID{1, 2, 3, 15: 9}, Bytes: 1 << 40, ModifiedNS: 1 << 60, Moov: 7}
)

// film holds the samples of a recording with chunks of one second.
type film struct{ video, audio []isobmff.Sample }

type shape struct {
	jitter  int64   // ticks
	offsets []int32 // that repeat
	gop     int
	bytes   int // of a picture
}

var shapes = map[string]shape{
	"constant rate, B frames": {0, []int32{3000, 12000, 3000, 0}, 60, 16000},
	"variable rate, B frames": {900, []int32{3000, 12000, 3000, 0}, 60, 16000},
	"all-intra":               {0, []int32{0}, 1, 300000},
}

func filmOf(s shape, seconds int, seed uint64) (f film) {
	r := rand.New(rand.NewPCG(seed, 1))
	at, dts, sound := int64(5000), int64(0), int64(0)
	for range seconds {
		at += 700
		for range 30 {
			n := len(f.video)
			x := isobmff.Sample{DTS: dts, DurationTicks: 3000, OffsetTicks: s.offsets[n%len(s.offsets)], SizeBytes: uint32(s.bytes/2 + r.IntN(s.bytes)), Sync: n%s.gop == 0, At: at}
			if s.jitter > 0 {
				x.DurationTicks += r.Int64N(2*s.jitter) - s.jitter
			}
			if x.Sync {
				x.SizeBytes *= 4
			}
			f.video = append(f.video, x)
			at, dts = at+int64(x.SizeBytes), dts+x.DurationTicks
		}
		for sound/48000 < dts/90000 {
			x := isobmff.Sample{DTS: sound, DurationTicks: 1024, SizeBytes: uint32(320 + r.IntN(100)), Sync: true, At: at}
			f.audio = append(f.audio, x)
			at, sound = at+int64(x.SizeBytes), sound+1024
		}
	}
	return f
}

func encode(t testing.TB, f film) []byte {
	t.Helper()
	var e index.Encoder
	e.Track(video)
	for i := range f.video {
		e.Add(&f.video[i])
	}
	e.Track(audio)
	for i := range f.audio {
		e.Add(&f.audio[i])
	}
	b, err := e.Finish(of)
	require.NoError(t, err)
	return b
}

func open(t testing.TB, b []byte) *index.Index {
	t.Helper()
	x, err := index.Open(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	return x
}

func all(t testing.TB, x *index.Index, track int) []isobmff.Sample {
	t.Helper()
	got, err := x.Append(nil, track, 0, x.Tracks[track].Samples)
	require.NoError(t, err)
	return got
}

func TestAWrittenIndexIsRead(t *testing.T) {
	for name, s := range shapes {
		f := filmOf(s, 40, 1)
		x := open(t, encode(t, f))
		require.Equal(t, of, x.Source)
		require.Equal(t, f.video, all(t, x, 0), name)
		require.Equal(t, f.audio, all(t, x, 1), name)
		require.Equal(t, f.video[len(f.video)-1].DTS+f.video[len(f.video)-1].DurationTicks, x.Tracks[0].EndTicks)
		require.NoError(t, x.Check())
	}
}

// The samples have extremes of each column, negative offsets, gaps, offsets that go back, and numbers around the size
// of a block.
func TestAnySamplesAreReadAsTheyWere(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		var f film
		dts := r.Int64N(1<<40) - 1<<39
		kinds := []int64{1, 2, 20, 1 << 20, 1 << 32}
		pick := func() int64 { return r.Int64N(kinds[(int(seed)+r.IntN(2))%len(kinds)]) }
		at := pick()
		for range r.IntN(3 * index.BlockSamples) {
			s := isobmff.Sample{DTS: dts, DurationTicks: pick(), OffsetTicks: int32(pick()) - int32(pick()), SizeBytes: uint32(pick()), Sync: r.IntN(5) < int(seed%6), At: at}
			f.video = append(f.video, s)
			dts += s.DurationTicks
			if at += int64(s.SizeBytes); r.IntN(9) == 0 {
				at = r.Int64N(1 << 39)
			}
		}
		x := open(t, encode(t, f))
		require.True(t, slices.Equal(f.video, all(t, x, 0)), "seed %d", seed)
	}
}

func TestBytesAnAccessUnit(t *testing.T) {
	for name, most := range map[string]float64{
		"constant rate, B frames": 1.95, "variable rate, B frames": 2.7, "all-intra": 2.15,
	} {
		f := filmOf(shapes[name], 3600, 3)
		n := len(f.video) + len(f.audio)
		each := float64(len(encode(t, f))) / float64(n)
		t.Logf("%s: %.2f bytes an access unit of %d", name, each, n)
		require.LessOrEqual(t, each, most, name)
	}
}

// Open refuses an index with any byte changed, and any part of an index.
func TestEachByteIsChecked(t *testing.T) {
	f := filmOf(shapes["variable rate, B frames"], 12, 4)
	b := encode(t, f)
	for i := range b {
		b[i] ^= 1 << (i % 8)
		x, err := index.Open(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			err = x.Check()
		}
		require.ErrorIs(t, err, index.ErrDamaged, "byte %d", i)
		b[i] ^= 1 << (i % 8)
	}
	for n := range len(b) {
		_, err := index.Open(bytes.NewReader(b[:n]), int64(n))
		require.ErrorIs(t, err, index.ErrDamaged, "%d bytes", n)
	}
}

// Two valid blocks change places: their entries are refused.
func TestAnEntryOfAnotherPlaceIsRefused(t *testing.T) {
	b := encode(t, filmOf(shapes["all-intra"], 30, 5))
	first, second := b[64+2*64+4:][:40], b[64+2*64+4+40:][:40]
	kept := bytes.Clone(first)
	copy(first, second)
	copy(second, kept)
	require.ErrorIs(t, open(t, b).Check(), index.ErrDamaged)
}

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	bytes, reads int
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	c.bytes, c.reads = c.bytes+len(b), c.reads+1
	return c.ReaderAt.ReadAt(b, at)
}

// The cost of a span does not depend on the length of the recording.
func TestTheCostOfASpanIsThatOfItsBlocks(t *testing.T) {
	for _, seconds := range []int{100, 1000, 4 * 3600} {
		f := filmOf(shapes["constant rate, B frames"], seconds, 6)
		b := encode(t, f)
		for track, samples := range [][]isobmff.Sample{f.video, f.audio} {
			in := &counted{ReaderAt: bytes.NewReader(b)}
			x, err := index.Open(in, int64(len(b)))
			require.NoError(t, err)
			second := int64(x.Tracks[track].Timescale)
			from := int64(seconds/2) * second
			first, end, err := x.Span(track, from, from+second)
			require.NoError(t, err)
			got, err := x.Append(nil, track, first, end)
			require.NoError(t, err)
			require.Equal(t, samples[first:end], got)
			t.Logf("a second of track %d of %d s: %d bytes in %d reads, of %d", track, seconds, in.bytes, in.reads, len(b))
			require.LessOrEqual(t, in.bytes, 8*1024, "%d s, of %d bytes", seconds, len(b))
			require.LessOrEqual(t, in.reads, 60, "%d s", seconds)
		}
	}
}

// A span equals the one that a look at every sample finds.
func TestASpanHasEverySampleForItsPresentation(t *testing.T) {
	for name, s := range shapes {
		f := filmOf(s, 30, 7)
		x := open(t, encode(t, f))
		r := rand.New(rand.NewPCG(8, 8))
		for range 400 {
			from := r.Int64N(32*90000) - 90000
			to := from + r.Int64N(3*90000)
			first, end, err := x.Span(0, from, to)
			require.NoError(t, err)
			what := fmt.Sprint(name, " ", from, " ", to)
			want := 0
			for i, s := range f.video {
				if s.Sync && s.DTS+int64(s.OffsetTicks) <= from {
					want = i
				}
			}
			if to <= from || to <= f.video[0].DTS {
				require.Equal(t, first, end, what)
				continue
			}
			require.EqualValues(t, want, first, what)
			for i, s := range f.video {
				if at := s.DTS + int64(s.OffsetTicks); i >= want && at >= from && at < to {
					require.Less(t, int64(i), end, what)
				}
				if int64(i) < end {
					require.Less(t, s.DTS, to, what)
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	f := filmOf(shapes["variable rate, B frames"], 60, 9)
	x := open(t, encode(t, f))
	for i, s := range f.video {
		for _, at := range []int64{s.DTS, s.DTS + s.DurationTicks - 1} {
			n, err := x.Find(0, at)
			require.NoError(t, err)
			require.EqualValues(t, i, n)
		}
	}
	n, err := x.Find(0, -5)
	require.NoError(t, err)
	require.Zero(t, n)
	require.EqualValues(t, 90000, x.Tracks[0].Ticks(1e9))
	require.EqualValues(t, 1e9, x.Tracks[0].NS(90000))
}

// The limits are a track without samples, and a span of a whole track.
func TestSpansAtTheirLimits(t *testing.T) {
	x := open(t, encode(t, film{}))
	first, end, err := x.Span(0, 0, 100)
	require.NoError(t, err)
	require.Equal(t, first, end)
	require.Empty(t, all(t, x, 0))

	f := filmOf(shapes["constant rate, B frames"], 12, 1)
	x = open(t, encode(t, f))
	first, end, err = x.Span(0, math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	require.Equal(t, []int64{0, int64(len(f.video))}, []int64{first, end})
}

func TestSamplesThatNoFileHasAreRefused(t *testing.T) {
	for name, two := range map[string][2]isobmff.Sample{
		"time goes back":  {{DTS: 5}, {DTS: 4}},
		"before the file": {{DTS: 5, At: -1}, {DTS: 6}},
	} {
		var e index.Encoder
		e.Track(video)
		e.Add(&two[0])
		e.Add(&two[1])
		_, err := e.Finish(of)
		require.ErrorIs(t, err, index.ErrSamples, name)
	}
}

func TestNoAllocationForASample(t *testing.T) {
	f := filmOf(shapes["constant rate, B frames"], 600, 1)
	n := testing.AllocsPerRun(3, func() { encode(t, f) })
	samples := len(f.video) + len(f.audio)
	require.Less(t, n, float64(samples)/150, "for %d samples: at most one for each block", samples)
}

// FuzzIndex: no bytes make the reader panic, or return more samples than they can hold.
func FuzzIndex(f *testing.F) {
	b := encode(f, filmOf(shapes["variable rate, B frames"], 12, 4))
	f.Add(b, uint16(0), byte(0))
	f.Add(encode(f, film{}), uint16(20), byte(3))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, x byte) {
		if len(b) > 0 {
			b[int(at)%len(b)] ^= x
		}
		index.MendChecksums(b)
		in := &counted{ReaderAt: bytes.NewReader(b)}
		opened, err := index.Open(in, int64(len(b)))
		if err != nil {
			require.ErrorIs(t, err, index.ErrDamaged)
			return
		}
		_ = opened.Check()
		for i := range opened.Tracks {
			_, _, _ = opened.Span(i, 0, 90000)
		}
		require.LessOrEqual(t, in.reads, 20000+len(b)) // each entry once, and bisection
	})
}
