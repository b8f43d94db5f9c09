package sampleindex

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

var id = media.ID{1, 2, 3, 15: 9}

func source(size int64) index.Source { return index.Source{Recording: id, Bytes: size} }

// moovOf returns a moov of two tracks, with sample tables or for fragments.
func moovOf(tables []isobmff.TableBuilder, edits []isobmff.Edit) []byte {
	var w isobmff.Writer
	moov := w.Open("moov")
	w.Mvhd(&isobmff.MovieHeader{Timescale: 90000, NextTrackID: 3})
	for i, handler := range []string{"vide", "soun"} {
		trak := w.Open("trak")
		w.Tkhd(&isobmff.TrackHeader{ID: uint32(i + 1)})
		if edits != nil {
			edts := w.Open("edts")
			w.Elst(edits)
			w.Close(edts)
		}
		mdia := w.Open("mdia")
		w.Mdhd(&isobmff.MediaHeader{Timescale: 90000, Language: "und"})
		w.Hdlr(handler, "")
		minf := w.Open("minf")
		stbl := w.Open("stbl")
		if tables != nil {
			tables[i].Write(&w)
		} else {
			w.NoSamples()
		}
		for _, at := range []int{stbl, minf, mdia, trak} {
			w.Close(at)
		}
	}
	if tables == nil {
		mvex := w.Open("mvex")
		for i := range uint32(2) {
			w.Trex(&isobmff.Trex{TrackID: i + 1, Description: 1, SampleDefaults: isobmff.SampleDefaults{Flags: isobmff.NonSyncFlags}})
		}
		w.Close(mvex)
	}
	w.Close(moov)
	return w.B
}

func run(n int, dts int64) media.Columns {
	c := media.Columns{EndTicks: dts + int64(n)*3000}
	for i := range n {
		c.DTS, c.OffsetTicks = append(c.DTS, dts+int64(i)*3000), append(c.OffsetTicks, int32(i%3*3000-3000))
		c.SizeBytes, c.Flags = append(c.SizeBytes, uint32(100+i)), append(c.Flags, media.FlagSync*uint8(1-min(i, 1)))
	}
	return c
}

func bytesOf(c *media.Columns) (n int64) {
	for _, s := range c.SizeBytes {
		n += int64(s)
	}
	return n
}

// fragmentsOf returns a file of fragments, each with a run of each track, with a gap before the last
// fragment and a box between two that recovery blanked.
func fragmentsOf(t testing.TB) []byte {
	t.Helper()
	var w isobmff.Writer
	w.B = append(w.B, moovOf(nil, []isobmff.Edit{{MediaTicks: 3000}})...)
	dts := int64(3000)
	for n := range 4 {
		if n == 3 {
			dts += 90000
			w.Free(50)
		}
		c := run(10, dts)
		dts = c.EndTicks
		moofAt := len(w.B)
		moof := w.Open("moof")
		w.Mfhd(uint32(n + 1))
		first := w.Traf(&isobmff.Traf{TrackID: 1, Default: isobmff.NonSyncFlags, Columns: &c})
		second := w.Traf(&isobmff.Traf{TrackID: 2, Default: isobmff.NonSyncFlags, Columns: &c})
		w.Close(moof)
		size := uint32(len(w.B) - moofAt)
		w.Patch(first, size+8)
		w.Patch(second, size+8+uint32(bytesOf(&c)))
		mdat := w.Open("mdat")
		w.B = append(w.B, make([]byte, 2*bytesOf(&c))...)
		w.Close(mdat)
	}
	require.NoError(t, w.Err())
	return w.B
}

func samplesOf(t testing.TB, text []byte, track int) (out []isobmff.Sample) {
	t.Helper()
	x, err := index.Open(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	out, err = x.Append(nil, track, 0, x.Tracks[track].Samples)
	require.NoError(t, err)
	return out
}

// sparse is a file whose bytes after the beginning are zeros.
type sparse struct {
	b    []byte
	size int64
	read int64
}

func (s *sparse) ReadAt(b []byte, at int64) (int, error) {
	n := int(max(min(int64(len(b)), s.size-at), 0))
	clear(b[:n])
	if at < int64(len(s.b)) {
		copy(b[:n], s.b[at:])
	}
	if s.read += int64(n); n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// TestTablesOfAnySize checks tables of files beyond 4 GiB, with a gap and negative offsets.
func TestTablesOfAnySize(t *testing.T) {
	for _, base := range []int64{10_000, 1<<32 - 2000, 1 << 40} {
		var tables [2]isobmff.TableBuilder
		at, dts := base, int64(500)
		for range 40 {
			c := run(30, dts)
			for i := range tables {
				tables[i].Add(&c, 0, at)
				at += bytesOf(&c) + 77
			}
			dts = c.EndTicks + 1000
		}
		f := &sparse{b: moovOf(tables[:], nil), size: at}
		text, err := Build(f, source(f.size))
		require.NoError(t, err)
		for i := range tables {
			var want []isobmff.Sample
			tables[i].Each(func(s *isobmff.Sample) {
				moved := *s
				moved.DTS -= tables[i].FirstTicks
				want = append(want, moved)
			})
			require.Equal(t, want, samplesOf(t, text, i))
		}
		require.Less(t, f.read, int64(2*len(f.b)), "nothing of the media")
	}
}

// TestFragmentsOfAGrowingFile checks that at each length the index has the whole fragments, at the
// times of the edit list.
func TestFragmentsOfAGrowingFile(t *testing.T) {
	b := fragmentsOf(t)
	whole, err := Build(bytes.NewReader(b), source(int64(len(b))))
	require.NoError(t, err)
	all := samplesOf(t, whole, 1)
	require.Len(t, all, 40)
	require.Zero(t, all[0].DTS)
	require.EqualValues(t, 93000, all[29].DurationTicks, "up to behind the gap")
	moov := len(moovOf(nil, []isobmff.Edit{{MediaTicks: 3000}}))
	before := 0
	for n := moov; n <= len(b); n += 13 {
		text, err := Build(bytes.NewReader(b[:n]), source(int64(n)))
		require.NoError(t, err, "%d bytes", n)
		x, err := index.Open(bytes.NewReader(text), int64(len(text)))
		require.NoError(t, err)
		if len(x.Tracks) == 0 {
			continue
		}
		got := samplesOf(t, text, 0)
		require.Zero(t, len(got)%10)
		require.GreaterOrEqual(t, len(got), before)
		before = len(got)
		for _, s := range got {
			require.LessOrEqual(t, s.At+int64(s.SizeBytes), int64(n))
		}
	}
	require.GreaterOrEqual(t, before, 30)
}

func TestAFileOfWhichNoIndexCanBeMade(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty": nil, "no moov": []byte("\x00\x00\x00\x08free"), "zeros": make([]byte, 4096),
		"cut":          moovOf(nil, nil)[:100],
		"tables stray": moovOf(make([]isobmff.TableBuilder, 2), []isobmff.Edit{{DurationTicks: 1 << 60, MediaTicks: -1}, {}}),
	} {
		_, err := Build(bytes.NewReader(b), source(int64(len(b))))
		require.ErrorIs(t, err, ErrNoTables, name)
	}
}

// claiming returns a moov of tracks whose samples are in one chunk. stsz is the content of its stsz:
// the common size, the number of samples and, if the first is 0, the size of each.
func claiming(t testing.TB, tracks int, stsz ...uint32) []byte {
	t.Helper()
	var w isobmff.Writer
	moov := w.Open("moov")
	w.Mvhd(&isobmff.MovieHeader{Timescale: 90000, NextTrackID: 3})
	for i := range tracks {
		trak := w.Open("trak")
		w.Tkhd(&isobmff.TrackHeader{ID: uint32(i + 1)})
		mdia := w.Open("mdia")
		w.Mdhd(&isobmff.MediaHeader{Timescale: 90000, Language: "und"})
		w.Hdlr("soun", "")
		minf, stbl := w.Open("minf"), w.Open("stbl")
		samples := stsz[1]
		for _, table := range []struct {
			fourcc string
			words  []uint32
		}{{"stts", []uint32{1, samples, 20}}, {"stsc", []uint32{1, 1, samples, 1}}, {"stsz", stsz}, {"stco", []uint32{1, 0}}} {
			box := w.OpenFull(table.fourcc, 0, 0)
			for _, word := range table.words {
				w.U32(word)
			}
			w.Close(box)
		}
		for _, at := range []int{stbl, minf, mdia, trak} {
			w.Close(at)
		}
	}
	w.Close(moov)
	require.NoError(t, w.Err())
	return w.B
}

// TestTablesThatClaimMoreThanTheFileHolds checks that they cost no work: each of many tracks claims
// samples with as many bytes, in one chunk, as the file has.
func TestTablesThatClaimMoreThanTheFileHolds(t *testing.T) {
	const size = 1 << 31
	of := func(tracks int, sizes ...uint32) error {
		text, err := Build(&sparse{b: claiming(t, tracks, append([]uint32{0, uint32(len(sizes))}, sizes...)...), size: size}, source(size))
		require.Less(t, len(text), 1<<20)
		return err
	}
	require.NoError(t, of(1, 1000, 2000))
	require.NoError(t, of(2, 1000, 2000))
	require.NoError(t, of(1, size-1, 1))
	require.ErrorIs(t, of(1, size-1, 2), ErrNoTables)
	require.ErrorIs(t, of(index.MaxTracks, size-1, 1), ErrNoTables)
}

// TestTheCostOfTablesIsThatOfTheirBytes checks tables that claim in a few bytes as many samples of
// one size as the file has room for. The size of the built index counts as work.
func TestTheCostOfTablesIsThatOfTheirBytes(t *testing.T) {
	const most = 1 << 22 // samples
	each := make([]uint32, 2+1<<12)
	each[1] = 1 << 12
	for name, c := range map[string]struct {
		moov    []byte
		bytes   int64
		refused bool
	}{
		"a size for each sample":                     {claiming(t, 2, each...), 1 << 20, false},
		"a byte for all samples":                     {claiming(t, 1, 1, most), most, true},
		"a byte for all samples of many tracks":      {claiming(t, index.MaxTracks, 1, most/index.MaxTracks), most, true},
		"a size for all samples, of which are few":   {claiming(t, 1, 100, 10), most, true},
		"more bytes for all samples than there are":  {claiming(t, 1, 1<<31, 1<<31), most, true},
		"a byte for all samples, far more than room": {claiming(t, 1, 1, 1<<32-1), most, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := &sparse{b: c.moov, size: c.bytes}
			var text []byte
			var err error
			allocated := pipelinetest.Allocated(func() { text, err = Build(f, source(f.size)) })
			require.Equal(t, c.refused, errors.Is(err, ErrNoTables), "%v", err)
			require.LessOrEqual(t, allocated, int64(64<<10+16*len(c.moov)))
			require.LessOrEqual(t, len(text), 4<<10+4*len(c.moov))
			require.LessOrEqual(t, f.read, int64(1<<10+2*len(c.moov)))
		})
	}
}

// FuzzBuild checks that Build returns a valid index or an error for any file, with work in proportion
// to the file.
func FuzzBuild(f *testing.F) {
	var tables [2]isobmff.TableBuilder
	c := run(30, 0)
	tables[0].Add(&c, 0, 100)
	tables[1].Add(&c, 0, 4000)
	f.Add(moovOf(tables[:], []isobmff.Edit{{DurationTicks: 500, MediaTicks: -1}, {MediaTicks: 4}}))
	f.Add(fragmentsOf(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &sparse{b: b, size: int64(len(b))}
		text, err := Build(in, source(in.size))
		require.LessOrEqual(t, in.read, 20*in.size+64)
		if err != nil {
			require.ErrorIs(t, err, ErrNoTables)
			return
		}
		x, err := index.Open(bytes.NewReader(text), int64(len(text)))
		require.NoError(t, err)
		require.NoError(t, x.Check())
		samples := int64(0)
		for i := range x.Tracks {
			samples += x.Tracks[i].Samples
		}
		require.LessOrEqual(t, samples, in.size)
	})
}
