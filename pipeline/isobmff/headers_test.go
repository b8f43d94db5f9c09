package isobmff_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// headers are the written headers, in both versions, each with its reader.
var headers = map[string]struct {
	write func(w *isobmff.Writer, wide uint64)
	read  func(payload []byte) (got any, whole bool)
	want  func(wide uint64) any
}{
	"mvhd": {
		func(w *isobmff.Writer, wide uint64) {
			w.Mvhd(&isobmff.MovieHeader{CreatedSeconds: 3, Timescale: 4, DurationTicks: 5 + wide, NextTrackID: 6})
		},
		func(b []byte) (any, bool) { h, ok := isobmff.ReadMvhd(b); return h, ok },
		func(wide uint64) any {
			return isobmff.MovieHeader{CreatedSeconds: 3, Timescale: 4, DurationTicks: 5 + wide, NextTrackID: 6}
		},
	},
	"tkhd": {
		func(w *isobmff.Writer, wide uint64) {
			w.Tkhd(&isobmff.TrackHeader{CreatedSeconds: 3 + wide, ID: 4, DurationTicks: 5, AlternateGroup: 1, Volume: 0x100, Width: 6 << 16, Height: 7 << 16})
		},
		func(b []byte) (any, bool) { h, ok := isobmff.ReadTkhd(b); return h, ok },
		func(wide uint64) any {
			return isobmff.TrackHeader{CreatedSeconds: 3 + wide, ID: 4, DurationTicks: 5, AlternateGroup: 1, Volume: 0x100, Width: 6 << 16, Height: 7 << 16}
		},
	},
	"mdhd": {
		func(w *isobmff.Writer, wide uint64) {
			w.Mdhd(&isobmff.MediaHeader{CreatedSeconds: 3, Timescale: 4, DurationTicks: 5 + wide, Language: "deu"})
		},
		func(b []byte) (any, bool) { h, ok := isobmff.ReadMdhd(b); return h, ok },
		func(wide uint64) any {
			return isobmff.MediaHeader{CreatedSeconds: 3, Timescale: 4, DurationTicks: 5 + wide, Language: "deu"}
		},
	},
	"hdlr": {
		func(w *isobmff.Writer, _ uint64) { w.Hdlr("vide", "VideoHandler") },
		func(b []byte) (any, bool) { h, ok := isobmff.ReadHdlr(b); return h, ok },
		func(uint64) any { return isobmff.FourCC([]byte("vide")) },
	},
	"trex": {
		func(w *isobmff.Writer, _ uint64) {
			w.Trex(&isobmff.Trex{TrackID: 1, Description: 2, SampleDefaults: isobmff.SampleDefaults{DurationTicks: 3, SizeBytes: 4, Flags: 5}})
		},
		func(b []byte) (any, bool) { h, ok := isobmff.ReadTrex(b); return h, ok },
		func(uint64) any {
			return isobmff.Trex{TrackID: 1, Description: 2, SampleDefaults: isobmff.SampleDefaults{DurationTicks: 3, SizeBytes: 4, Flags: 5}}
		},
	},
	"prft": {
		func(w *isobmff.Writer, wide uint64) {
			w.Prft(isobmff.Prft{TrackID: 1, UTC: 1e18, MediaTicks: 2 + wide})
		},
		func(b []byte) (any, bool) { h, ok := isobmff.ReadPrft(b); return h, ok },
		func(wide uint64) any { return isobmff.Prft{TrackID: 1, UTC: 1e18, MediaTicks: 2 + wide} },
	},
}

// reach is the number of bytes that a header needs for its reader to accept it, where that is less than its size.
var reach = map[string]map[uint8]int{"mvhd": {0: 16, 1: 24}, "mdhd": {0: 22, 1: 34}, "hdlr": {0: 12}}

func TestHeadersAreReadAsTheyWereWritten(t *testing.T) {
	for fourcc, h := range headers {
		for _, wide := range []uint64{0, 1 << 40} {
			var w isobmff.Writer
			h.write(&w, wide)
			require.NoError(t, w.Err())
			payload := isobmff.Find(w.B, fourcc)
			require.Len(t, w.B, 8+len(payload))
			got, whole := h.read(payload)
			require.True(t, whole, fourcc)
			require.Equal(t, h.want(wide), got, fourcc)
			least := len(payload)
			if n := reach[fourcc][payload[0]]; n > 0 {
				least = n
			}
			for cut := range payload {
				_, whole := h.read(payload[:cut])
				require.Equal(t, cut >= least, whole, "%s of %d bytes", fourcc, cut)
			}
		}
	}
}

func TestPrftBytesAreItsSize(t *testing.T) {
	var w isobmff.Writer
	w.Prft(isobmff.Prft{})
	require.Len(t, w.B, isobmff.PrftBytes)
	at := w.Open("mehd")
	w.MehdBody(1)
	w.Close(at)
	require.Len(t, w.B[at:], isobmff.MehdBytes)
	w.B = w.B[:0]
	w.Sidx(&isobmff.Sidx{References: make([]isobmff.Reference, 3)})
	require.Len(t, w.B, isobmff.SidxFixedBytes+3*isobmff.ReferenceBytes)
}

// go-mp4 reads the boxes that are written by hand.
func TestBoxesByHandAreThoseOfAnotherLibrary(t *testing.T) {
	for _, box := range []gomp4.IBox{&gomp4.Sidx{}, &gomp4.Elst{}, &gomp4.Sgpd{}, &gomp4.Sbgp{}, &gomp4.Mehd{}} {
		var w, again isobmff.Writer
		switch fourcc := box.GetType().String(); fourcc {
		case "sidx":
			w.Sidx(&isobmff.Sidx{TrackID: 1, Timescale: 2, EarliestTicks: 3 + 1<<40, References: []isobmff.Reference{{4, 5, true}, {6, 7, false}}})
		case "elst":
			w.Elst([]isobmff.Edit{{5, -1}, {1 << 40, 6}})
		case "sgpd":
			w.RollDescription(-1)
		case "sbgp":
			w.RollSamples(9)
		case "mehd":
			at := w.Open("mehd")
			w.MehdBody(1 << 40)
			w.Close(at)
		}
		n, err := gomp4.Unmarshal(bytes.NewReader(w.B[8:]), uint64(len(w.B)-8), box, gomp4.Context{})
		require.NoError(t, err)
		require.Equal(t, uint64(len(w.B)-8), n)
		again.Marshal(box)
		require.Equal(t, again.B, w.B)
	}
}

func TestTheTracksMediaIsInTheFile(t *testing.T) {
	var w isobmff.Writer
	w.Dinf()
	w.Vmhd()
	w.Smhd()
	require.NoError(t, w.Err())
	dref := isobmff.Find(w.B, "dinf", "dref")
	require.Equal(t, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0curl \x00\x00\x00\x01", string(dref))
	require.Equal(t, byte(1), isobmff.Find(w.B, "vmhd")[3])
	require.NotNil(t, isobmff.Find(w.B, "smhd"))
}

func TestARollDistanceIsReadAsItWasWritten(t *testing.T) {
	var w isobmff.Writer
	w.RollDescription(-3)
	payload := isobmff.Find(w.B, "sgpd")
	require.Equal(t, int16(-3), isobmff.ReadRollDescription(payload))
	for cut := range payload {
		require.Zero(t, isobmff.ReadRollDescription(payload[:cut]))
	}
	copy(payload[4:], "rap ")
	require.Zero(t, isobmff.ReadRollDescription(payload), "of another kind")
}

func TestEditsAreReadAsFarAsTheyAreThere(t *testing.T) {
	read := func(payload []byte) (out []isobmff.Edit) {
		edits := isobmff.ReadElst(payload)
		for e, ok := edits.Next(); ok; e, ok = edits.Next() {
			out = append(out, e)
		}
		return out
	}
	want := []isobmff.Edit{{5, -1}, {1 << 40, 6}}
	var w isobmff.Writer
	w.Elst(want)
	payload := isobmff.Find(w.B, "elst")
	require.Equal(t, want, read(payload))
	require.Equal(t, want[:1], read(payload[:len(payload)-1]))
	require.Equal(t, []isobmff.Edit{{7, -1}, {8, 9}}, read(isobmfftest.U32(0, 2, 7, 1<<32-1, 1<<16, 8, 9, 1<<16)), "version 0 is signed too")
	require.Len(t, read(isobmfftest.U32(0, 1<<32-1, 7, 8, 1<<16)), 1, "missing entries cost no memory, whatever the count claims")
	require.Empty(t, read(nil))
	pipelinetest.Proportional(t, 4<<10, 16, func(n int) int64 {
		return int64(len(read(append(isobmfftest.U32(0, 1<<32-1), make([]byte, n)...))))
	})
}

func TestADurationIsWrittenOverAnother(t *testing.T) {
	for _, fourcc := range []string{"mvhd", "tkhd", "mdhd"} {
		for _, wide := range []uint64{0, 1 << 40} {
			h := headers[fourcc]
			var w isobmff.Writer
			h.write(&w, wide)
			payload := isobmff.Find(w.B, fourcc)
			before := bytes.Clone(payload)
			isobmff.SetDuration(fourcc, payload, 77)
			got, _ := h.read(payload)
			var duration uint64
			switch h := got.(type) {
			case isobmff.MovieHeader:
				duration = h.DurationTicks
			case isobmff.TrackHeader:
				duration = h.DurationTicks
			case isobmff.MediaHeader:
				duration = h.DurationTicks
			}
			require.Equal(t, uint64(77), duration, "%s, version %d", fourcc, payload[0])
			changed := 0
			for i := range payload {
				if payload[i] != before[i] {
					changed++
				}
			}
			require.LessOrEqual(t, changed, 8)
			for cut := range payload {
				isobmff.SetDuration(fourcc, payload[:cut:cut], 1)
			}
		}
	}
	narrow := make([]byte, 100)
	isobmff.SetDuration("mvhd", narrow, 1<<40)
	h, _ := isobmff.ReadMvhd(narrow)
	require.Equal(t, uint64(math.MaxUint32), h.DurationTicks)
}

func TestWallClocksGoBothWays(t *testing.T) {
	byPrft := func(utcNS int64) int64 {
		var w isobmff.Writer
		w.Prft(isobmff.Prft{UTC: utcNS})
		p, whole := isobmff.ReadPrft(isobmff.Find(w.B, "prft"))
		require.True(t, whole)
		return p.UTC
	}
	for _, at := range []string{"1970-01-01T00:00:01Z", "2026-07-01T12:34:56.789012345Z", "2036-02-07T06:28:15Z", "2036-02-07T06:28:17Z", "2103-12-31T00:00:00Z"} {
		utc, err := time.Parse(time.RFC3339Nano, at)
		require.NoError(t, err)
		ns := utc.UnixNano()
		require.Equal(t, ns, byPrft(ns), at)
		require.Equal(t, ns/1e9*1e9, isobmff.FromMovieTime(isobmff.ToMovieTime(ns)), at)
	}
	before1970 := time.Date(1969, 1, 1, 0, 0, 0, 500, time.UTC).UnixNano()
	require.Equal(t, before1970, byPrft(before1970))
	require.Zero(t, isobmff.ToMovieTime(0))
	require.Zero(t, isobmff.FromMovieTime(0))
	require.Zero(t, isobmff.FromMovieTime(math.MaxUint64))
	require.Equal(t, uint64(2082844801), isobmff.ToMovieTime(1e9))
}

// FuzzHeaders: a header of any bytes is read within its bounds.
func FuzzHeaders(f *testing.F) {
	for _, h := range headers {
		var w isobmff.Writer
		h.write(&w, 1<<40)
		f.Add(w.B[8:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for fourcc, h := range headers {
			first, whole := h.read(payload)
			again, _ := h.read(append(bytes.Clone(payload), 1, 2, 3))
			if whole && reach[fourcc] == nil {
				require.Equal(t, first, again, "the bytes behind a header are not read")
			}
		}
		edits, n := isobmff.ReadElst(payload), 0
		for _, ok := edits.Next(); ok; _, ok = edits.Next() {
			n++
		}
		require.LessOrEqual(t, n, len(payload)/12)
	})
}

// An edit that is longer than the track is shortened to the track's end; the other edits, and the other fields of an
// entry, do not change.
func TestNoEditIsLongerThanTheTrack(t *testing.T) {
	lists := map[string]func(durations [2]uint64) []byte{
		"wide": func(d [2]uint64) []byte {
			var w isobmff.Writer
			w.Elst([]isobmff.Edit{{DurationTicks: d[0], MediaTicks: -1}, {DurationTicks: d[1], MediaTicks: 1 << 40}})
			return w.B[8:]
		},
		"narrow": func(d [2]uint64) []byte {
			var w isobmff.Writer
			w.U32(0)
			w.U32(2)
			for i, at := range []uint32{math.MaxUint32, 9} {
				w.U32(uint32(d[i]))
				w.U32(at)
				w.U32(0x00010000)
			}
			return w.B
		},
	}
	for name, list := range lists {
		whole := list([2]uint64{70, math.MaxUint32})
		isobmff.ClipEdits(whole, 80)
		require.Equal(t, list([2]uint64{70, 80}), whole, name)
		for cut := range whole {
			b := append(list([2]uint64{70, 90})[:cut:cut], 0xfe)
			isobmff.ClipEdits(b[:cut], 80)
			require.Equal(t, byte(0xfe), b[cut], "%s cut at %d", name, cut)
		}
	}
}
