package movie

import (
	"context"
	"io"
	"math"
	"slices"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// WriteFragments writes the movie as a fragmented file (ISO/IEC 14496-12, 8.8), as one that is played while it arrives:
//
//	ftyp moov{mvex} (moof mdat)*
//
// A fragment begins at a sync sample of the lead track, and lasts a second or more. Its memory is that of one
// fragment's samples, without their bytes, and a buffer of gatherBytes.
func (m *Movie) WriteFragments(ctx context.Context, library *clip.Library, w io.Writer) error {
	f := &fragments{m: m, out: gather{to: w}, base: m.base()}
	if err := f.init(); err != nil {
		return err
	}
	if err := m.Walk(ctx, library, f.add); err != nil {
		return err
	}
	return f.out.flush()
}

// base returns the decode time of the earliest sample, in ticks of the movie; at most 0. The times of the fragmented file count from it,
// because a decode time there cannot be negative.
func (m *Movie) base() (ticks int64) {
	for i := range m.tracks {
		t := &m.tracks[i]
		at := media.Rescale(t.originTicks, t.timescale, m.timescale())
		if media.Rescale(at, m.timescale(), t.timescale) > t.originTicks {
			at--
		}
		ticks = min(ticks, at)
	}
	return ticks
}

// The bounds of a fragment.
const (
	fragmentNS         = int64(time.Second) // least duration, unless the clip ends
	maxFragmentNS      = int64(10 * time.Second)
	maxFragmentSamples = 16 << 10
)

// fragments collects the samples of one fragment.
type fragments struct {
	m      *Movie
	out    gather
	base   int64
	made   isobmff.Writer // memory of boxes, for reuse
	dataAt []int          // for each track, where made has the offset of its data

	file    io.ReaderAt // of the clip
	number  uint32
	runs    []fragmentRun // one for each track
	samples int
	beginNS int64 // decode time of the fragment's first sample
}

type fragmentRun struct {
	cols  media.Columns
	entry uint32
	from  []place
	bytes int64
}

// place is a contiguous range of the clip's file.
type place struct{ at, n int64 }

// init writes the ftyp and the moov.
func (f *fragments) init() error {
	f.runs = make([]fragmentRun, len(f.m.tracks))
	boxes, err := f.head()
	if err == nil {
		err = f.out.write(boxes)
	}
	return err
}

// head returns the ftyp and the moov.
func (f *fragments) head() ([]byte, error) {
	m := f.m
	var s sheet
	ftyp := s.begin("ftyp")
	s.AppendString("iso5\x00\x00\x02\x00iso5iso6mp41")
	s.end(ftyp)
	moov := s.begin("moov")
	s.Mvhd(&isobmff.MovieHeader{CreatedSeconds: m.createdSeconds(), Timescale: m.timescale(), NextTrackID: uint32(len(m.tracks) + 1)})
	for i := range m.tracks {
		m.head(&s, i, isobmff.Edit{
			DurationTicks: uint64(media.Rescale(m.tracks[i].endTicks, m.tracks[i].timescale, m.timescale())),
			MediaTicks:    -f.zero(&m.tracks[i]),
		})
	}
	mvex := s.begin("mvex")
	for i := range m.tracks {
		s.Trex(&isobmff.Trex{TrackID: m.tracks[i].id, Description: 1, SampleDefaults: isobmff.SampleDefaults{Flags: isobmff.DefaultFlags(m.tracks[i].kind)}})
	}
	s.end(mvex)
	s.end(moov)
	return s.B, s.Err()
}

// zero returns the base in ticks of a track.
func (f *fragments) zero(t *track) int64 {
	return media.Rescale(f.base, f.m.timescale(), t.timescale)
}

// add adds a sample, after it has written the fragment that the sample does not belong to. nil ends the clip.
func (f *fragments) add(s *Sample, file io.ReaderAt) error {
	if s == nil {
		return f.flush()
	}
	run := &f.runs[s.Track]
	ns := media.ToNanos(s.DTS, f.m.tracks[s.Track].timescale)
	if f.samples > 0 {
		lasted := ns - f.beginNS
		if run.entry != s.Entry && run.cols.Len() > 0 || f.samples >= maxFragmentSamples ||
			lasted >= maxFragmentNS || s.Track == f.m.lead() && s.Sync && lasted >= fragmentNS {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	if f.samples == 0 {
		f.beginNS, f.file = ns, file
	}
	f.put(s)
	return nil
}

// put adds a sample to the fragment.
func (f *fragments) put(s *Sample) {
	run := &f.runs[s.Track]
	f.samples++
	run.entry = s.Entry
	c := &run.cols
	c.DTS = append(c.DTS, s.DTS)
	c.OffsetTicks = append(c.OffsetTicks, int32(min(max(s.PTS-s.DTS, math.MinInt32), math.MaxInt32)))
	c.SizeBytes = append(c.SizeBytes, s.SizeBytes)
	flags := uint8(0)
	if s.Sync {
		flags = media.FlagSync
	}
	c.Flags = append(c.Flags, flags)
	c.EndTicks = s.DTS + s.DurationTicks
	run.bytes += int64(s.SizeBytes)
	if n := len(run.from); n > 0 && run.from[n-1].at+run.from[n-1].n == s.At {
		run.from[n-1].n += int64(s.SizeBytes)
	} else {
		run.from = append(run.from, place{s.At, int64(s.SizeBytes)})
	}
}

// flush writes the fragment.
func (f *fragments) flush() error {
	if f.samples == 0 {
		return nil
	}
	f.number++
	boxes, err := f.boxes()
	if err != nil {
		return err
	}
	if err := f.out.write(boxes); err != nil {
		return err
	}
	if err := f.copy(); err != nil || f.number > 1 {
		return err
	}
	return f.out.flush() // a player begins at once
}

// boxes returns the moof and the header of the mdat of the fragment. The result is valid until the next call.
func (f *fragments) boxes() ([]byte, error) {
	w := &f.made
	w.B = w.B[:0]
	moof := w.Open("moof")
	w.Mfhd(f.number)
	f.dataAt = slices.Grow(f.dataAt[:0], len(f.runs))[:len(f.runs)]
	media := int64(0)
	for i := range f.runs {
		if run, t := &f.runs[i], &f.m.tracks[i]; run.cols.Len() > 0 {
			f.dataAt[i] = w.Traf(&isobmff.Traf{
				TrackID: t.id, Default: isobmff.DefaultFlags(t.kind), Columns: &run.cols, ShiftTicks: -f.zero(t), Roll: t.roll != 0, Description: run.entry,
			})
			media += run.bytes
		}
	}
	w.Close(moof)
	header := 8
	if media > math.MaxUint32-8 {
		header = 16
	}
	at := int64(len(w.B) + header)
	for i := range f.runs {
		if run := &f.runs[i]; run.cols.Len() > 0 {
			w.Patch(f.dataAt[i], uint32(at))
			at += run.bytes
		}
	}
	if header == 16 {
		w.LargeHeader("mdat", 16+media)
	} else { // VLC 3 reads no other header in a stream of fragments
		w.Patch(w.Open("mdat"), uint32(8+media))
	}
	return w.B, w.Err()
}

// copy writes the samples of the fragment, and begins the next one.
func (f *fragments) copy() error {
	for i := range f.runs {
		run := &f.runs[i]
		for _, p := range run.from {
			if err := f.out.copy(f.file, p); err != nil {
				return err
			}
		}
		c := &run.cols
		c.DTS, c.OffsetTicks, c.SizeBytes, c.Flags = c.DTS[:0], c.OffsetTicks[:0], c.SizeBytes[:0], c.Flags[:0]
		run.from, run.bytes = run.from[:0], 0
	}
	f.samples = 0
	return nil
}
