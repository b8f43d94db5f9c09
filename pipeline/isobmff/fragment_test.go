package isobmff_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// columns returns samples whose durations, offsets and sync samples follow a pattern.
func columns(n int, duration func(int) int64, offset func(int) int32, sync func(int) bool) (c media.Columns) {
	dts := int64(1000)
	for i := range n {
		flags := uint8(0)
		if sync(i) {
			flags = media.FlagSync
		}
		c.DTS, c.OffsetTicks = append(c.DTS, dts), append(c.OffsetTicks, offset(i))
		c.SizeBytes, c.Flags = append(c.SizeBytes, uint32(100+i)), append(c.Flags, flags)
		dts += duration(i)
	}
	c.EndTicks = dts
	return c
}

func even(int) int64        { return 40 }
func uneven(i int) int64    { return int64(40 + i%3) }
func none(int) int32        { return 0 }
func reordered(i int) int32 { return int32(i%3-1) * 40 }
func first(i int) bool      { return i == 0 }
func always(int) bool       { return true }
func never(int) bool        { return false }
func every3(i int) bool     { return i%3 == 0 }

// runs returns columns of every kind of run, by name.
func runs() map[string]media.Columns {
	out := map[string]media.Columns{}
	for d, duration := range map[string]func(int) int64{"even": even, "uneven": uneven} {
		for o, offset := range map[string]func(int) int32{"in order": none, "reordered": reordered} {
			for s, sync := range map[string]func(int) bool{"first": first, "always": always, "never": never, "every third": every3} {
				out[d+", "+o+", sync "+s] = columns(10, duration, offset, sync)
			}
		}
	}
	out["one sample"] = columns(1, even, none, first)
	return out
}

// readTraf reads the payload of a traf of one run.
func readTraf(t testing.TB, traf []byte, trex isobmff.SampleDefaults) (h isobmff.Tfhd, run isobmff.Trun, c media.Columns) {
	tfhd := isobmff.Find(traf, "tfhd")
	h, whole := isobmff.ReadTfhd(tfhd)
	require.True(t, whole)
	require.Equal(t, len(tfhd), h.Bytes())
	ticks, version, whole := isobmff.ReadTfdt(isobmff.Find(traf, "tfdt"))
	require.True(t, whole && version == 1)
	run, whole = isobmff.ReadTrun(isobmff.Find(traf, "trun"))
	require.True(t, whole && run.Whole() && run.Exact())
	defaults := h.Over(trex)
	run.AppendTo(&c, &defaults, int64(ticks))
	return h, run, c
}

func TestARunIsReadAsItWasWritten(t *testing.T) {
	for name, c := range runs() {
		for _, flags := range []uint32{isobmff.SyncFlags, isobmff.NonSyncFlags} {
			t.Run(fmt.Sprintf("%s, default %#x", name, flags), func(t *testing.T) {
				w := isobmff.Writer{B: []byte("before")}
				at := w.Traf(&isobmff.Traf{TrackID: 7, Default: flags, Columns: &c, ShiftTicks: 1 << 40, Roll: true})
				w.Patch(at, 0xfffffff0)
				h, run, got := readTraf(t, isobmff.Find(w.B[6:], "traf"), isobmff.SampleDefaults{Flags: flags})
				require.Equal(t, uint32(7), h.TrackID)
				require.NotZero(t, h.Flags&isobmff.TfhdBaseIsMoof)
				require.Equal(t, int32(-16), run.DataOffset)
				require.Equal(t, c.Len(), run.Len())
				want := c
				want.DTS = nil
				for _, dts := range c.DTS {
					want.DTS = append(want.DTS, dts+1<<40)
				}
				want.EndTicks += 1 << 40
				require.Equal(t, want, got)
			})
		}
	}
}

// go-mp4 reads the runs that this package writes, and the other way round.
func TestRunsAreThoseOfAnotherLibrary(t *testing.T) {
	for name, c := range runs() {
		var w isobmff.Writer
		w.Traf(&isobmff.Traf{TrackID: 7, Default: isobmff.NonSyncFlags, Columns: &c})
		var ours gomp4.Trun
		payload := isobmff.Find(w.B, "traf", "trun")
		_, err := gomp4.Unmarshal(bytes.NewReader(payload), uint64(len(payload)), &ours, gomp4.Context{})
		require.NoError(t, err, name)
		require.Len(t, ours.Entries, c.Len(), name)
		var again isobmff.Writer
		again.Marshal(&ours)
		require.Equal(t, payload, isobmff.Find(again.B, "trun"), name)
		for i, e := range ours.Entries {
			require.Equal(t, c.SizeBytes[i], e.SampleSize, name)
			require.Equal(t, c.OffsetTicks[i], e.SampleCompositionTimeOffsetV1, name)
		}
	}
	every := isobmff.Tfhd{Flags: 0x3b | isobmff.TfhdBaseIsMoof, TrackID: 1, BaseDataOffset: 1 << 33, Description: 2,
		SampleDefaults: isobmff.SampleDefaults{DurationTicks: 3, SizeBytes: 4, Flags: 5}}
	var hand, library isobmff.Writer
	hand.Tfhd(&every)
	library.Marshal(&gomp4.Tfhd{FullBox: gomp4.FullBox{Flags: [3]byte{2, 0, 0x3b}}, TrackID: 1, BaseDataOffset: 1 << 33,
		SampleDescriptionIndex: 2, DefaultSampleDuration: 3, DefaultSampleSize: 4, DefaultSampleFlags: 5})
	require.Equal(t, library.B, hand.B)
	read, whole := isobmff.ReadTfhd(isobmff.Find(hand.B, "tfhd"))
	require.True(t, whole)
	require.Equal(t, every, read)
	require.Equal(t, len(isobmff.Find(hand.B, "tfhd")), every.Bytes())
}

func TestARunOfAnotherProgramIsReadAsFarAsItIsThere(t *testing.T) {
	payload := []byte{0, 0, 7, 5, 0, 0, 0, 3, 0, 0, 0, 9, 2, 0, 0, 0} // three samples, offset, first flags
	for i := range 3 {
		payload = append(payload, 0, 0, 0, byte(10+i), 0, 0, 0, byte(20+i), 1, 1, 0, 0)
	}
	d := isobmff.SampleDefaults{DurationTicks: 1, SizeBytes: 2, Flags: 3}
	for cut := range len(payload) {
		run, whole := isobmff.ReadTrun(payload[:cut])
		require.Equal(t, cut >= 16, whole, cut)
		if !whole {
			continue
		}
		require.False(t, run.Whole(), cut)
		require.Equal(t, (cut-16)/12, run.Len(), cut)
		for i := range run.Len() {
			s := run.Sample(i, &d)
			require.Equal(t, isobmff.RunSample{DurationTicks: uint32(10 + i), SizeBytes: uint32(20 + i), Flags: isobmff.NonSyncFlags}, s)
			require.False(t, s.Sync())
		}
	}
	run, _ := isobmff.ReadTrun(append(bytes.Clone(payload), 0))
	require.True(t, run.Whole())
	require.False(t, run.Exact())
	most, _ := isobmff.ReadTrun([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	require.Equal(t, int64(min(math.MaxUint32, math.MaxInt)), int64(most.Len()))
	bare, whole := isobmff.ReadTrun([]byte{0, 0, 0, 4, 0, 0, 0, 2, 2, 0, 0, 0})
	require.True(t, whole && bare.Whole() && bare.Exact())
	require.Equal(t, isobmff.RunSample{DurationTicks: 1, SizeBytes: 2, Flags: isobmff.SyncFlags}, bare.Sample(0, &d))
	require.Equal(t, isobmff.RunSample{DurationTicks: 1, SizeBytes: 2, Flags: 3}, bare.Sample(1, &d))
}

func TestFragmentHeadersThatAreCut(t *testing.T) {
	var w isobmff.Writer
	w.Tfhd(&isobmff.Tfhd{Flags: isobmff.TfhdBaseDataOffset | isobmff.TfhdSize, TrackID: 3, BaseDataOffset: 5})
	w.Tfdt(1 << 33)
	w.Mfhd(9)
	for cut := range 24 {
		tfhd, tfdt, mfhd := isobmff.Find(w.B, "tfhd"), isobmff.Find(w.B, "tfdt"), isobmff.Find(w.B, "mfhd")
		h, whole := isobmff.ReadTfhd(tfhd[:min(cut, len(tfhd))])
		require.Equal(t, cut >= len(tfhd), whole)
		require.True(t, !whole || h.BaseDataOffset == 5)
		ticks, _, whole := isobmff.ReadTfdt(tfdt[:min(cut, len(tfdt))])
		require.Equal(t, cut >= len(tfdt), whole)
		require.True(t, !whole || ticks == 1<<33)
		number, whole := isobmff.ReadMfhd(mfhd[:min(cut, len(mfhd))])
		require.Equal(t, cut >= len(mfhd), whole)
		require.True(t, !whole || number == 9)
	}
}

func TestAFragmentIsWrittenAndReadWithoutAllocation(t *testing.T) {
	c := columns(1000, uneven, reordered, every3)
	w, into := isobmff.Writer{B: make([]byte, 0, 1<<20)}, columns(1000, even, none, never)
	traf := isobmff.Traf{TrackID: 1, Default: isobmff.NonSyncFlags, Columns: &c, Roll: true}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		w.B = w.B[:0]
		w.Mfhd(1)
		w.Prft(isobmff.Prft{TrackID: 1})
		w.Traf(&traf)
		payload := isobmff.Find(w.B, "traf")
		h, _ := isobmff.ReadTfhd(isobmff.Find(payload, "tfhd"))
		run, _ := isobmff.ReadTrun(isobmff.Find(payload, "trun"))
		into = media.Columns{DTS: into.DTS[:0], OffsetTicks: into.OffsetTicks[:0], SizeBytes: into.SizeBytes[:0], Flags: into.Flags[:0]}
		run.AppendTo(&into, &h.SampleDefaults, 0)
	}))
	require.Equal(t, c.SizeBytes, into.SizeBytes)
}

func TestTheCostOfARunIsProportional(t *testing.T) {
	pipelinetest.Proportional(t, 4<<10, 64, func(n int) (samples int64) {
		payload := append([]byte{0, 0, 2, 0, 255, 255, 255, 255}, make([]byte, n)...) // claims 2^32-1 samples
		run, _ := isobmff.ReadTrun(payload)
		d := isobmff.SampleDefaults{}
		for i := range run.Len() {
			run.Sample(i, &d)
			samples++
		}
		return samples
	})
}

// FuzzFragment: a traf of any bytes is read within its bounds, and an exact one comes back from its written form
// unchanged.
func FuzzFragment(f *testing.F) {
	for _, c := range runs() {
		var w isobmff.Writer
		w.Traf(&isobmff.Traf{TrackID: 1, Default: isobmff.NonSyncFlags, Columns: &c, Roll: true})
		f.Add(isobmff.Find(w.B, "traf"))
	}
	f.Fuzz(func(t *testing.T, traf []byte) {
		h, _ := isobmff.ReadTfhd(isobmff.Find(traf, "tfhd"))
		d := h.Over(isobmff.SampleDefaults{DurationTicks: 1, SizeBytes: 1})
		_, _, _ = isobmff.ReadTfdt(isobmff.Find(traf, "tfdt"))
		payload := isobmff.Find(traf, "trun")
		run, _ := isobmff.ReadTrun(payload)
		require.Equal(t, run.Whole(), run.Len() == int(run.Count))
		bare := run.Flags&(isobmff.TrunDuration|isobmff.TrunSize|isobmff.TrunFlags|isobmff.TrunComposition) == 0
		if bare && run.Count > 1<<10 {
			return
		}
		require.True(t, bare || run.Len() <= len(payload)/4)
		var c media.Columns
		run.AppendTo(&c, &d, 0)
		require.Equal(t, run.Len(), c.Len())
	})
}

// anyColumns returns n samples whose columns differ in every value or in almost none.
func anyColumns(seed uint64, n int) media.Columns {
	r := rand.New(rand.NewPCG(seed, 0))
	shape := r.IntN(8)
	return columns(n, func(int) int64 {
		if shape&1 == 0 {
			return 40
		}
		return 1 + r.Int64N(1<<31)
	}, func(int) int32 {
		if shape&2 == 0 {
			return 0
		}
		return int32(r.Uint32())
	}, func(int) bool { return shape&4 == 0 || r.IntN(2) == 0 })
}

// FuzzRoundTrip: any columns are read as they were written.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(1), uint8(5))
	f.Add(uint64(2), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		c := anyColumns(seed, int(n)+1)
		flags := []uint32{isobmff.SyncFlags, isobmff.NonSyncFlags}[seed%2]
		var w isobmff.Writer
		w.Traf(&isobmff.Traf{TrackID: 1, Default: flags, Columns: &c})
		_, _, got := readTraf(t, isobmff.Find(w.B, "traf"), isobmff.SampleDefaults{Flags: flags})
		require.Equal(t, c, got)
	})
}
