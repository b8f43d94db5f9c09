package mp4

import (
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// KeyFrame returns the time of the last key frame of a file at or before the time at, on the wall
// clock. If all key frames are later, it returns the start of the recording. The file, at path
// name, may be growing. KeyFrame reads the sample tables or the moofs, and no media.
func KeyFrame(name string, at time.Time) (time.Time, error) {
	f, form, done, err := openEntry(name)
	if err != nil {
		return time.Time{}, err
	}
	defer done()
	begin := time.Unix(0, f.entry.identity.StartUTC)
	if !at.After(begin) {
		return begin, nil
	}
	var since time.Duration
	if form == finished && !f.lay.fragment {
		since, err = f.keyFrameInTables(at.Sub(begin))
	} else {
		since, err = f.keyFrameInChunks(at.Sub(begin))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", name, err)
	}
	return begin.Add(since), nil
}

// keyFrameInTables returns the time of the last key frame at or before upTo, by the sample tables of
// the lead track in the final moov; 0 if there is none. Times count from the lead track's first
// sample.
func (f *file) keyFrameInTables(upTo time.Duration) (time.Duration, error) {
	trak, timescale, err := f.leadTrak()
	if err != nil {
		return 0, err
	}
	limit := media.FromNanos(int64(upTo), timescale)
	stbl := isobmff.Find(trak, "mdia", "minf", "stbl")
	syncs := isobmff.Find(stbl, "stss")
	stss, _ := isobmff.ReadTable(syncs, 1)
	stts, _ := isobmff.ReadTable(isobmff.Find(stbl, "stts"), 2)
	var found, dts int64
	sample, next := uint32(1), 0 // number of the sample at dts; index of the next entry of stss
	for i := 0; i < stts.Len() && dts <= limit; i++ {
		n, delta := stts.U32(i, 0), int64(stts.U32(i, 1))
		last := n - 1 // the last sample of this entry of stts that begins at or before the limit
		if delta > 0 && n > 0 {
			last = uint32(min(int64(last), (limit-dts)/delta))
		}
		if syncs == nil && n > 0 { // each sample is a key frame
			found = dts + int64(last)*delta
		}
		for ; next < stss.Len() && n > 0 && stss.U32(next, 0) <= sample+last; next++ {
			if number := stss.U32(next, 0); number >= sample {
				found = dts + int64(number-sample)*delta
			}
		}
		sample, dts = sample+n, dts+int64(n)*delta
	}
	return time.Duration(media.ToNanos(found, timescale)), nil
}

// leadTrak returns the trak payload and the timescale of the file's lead track.
func (f *file) leadTrak() (trak []byte, timescale uint32, err error) {
	size, err := f.f.Size()
	in := filesystem.NewAhead(f.f, size)
	for at := int64(0); err == nil && at < size; {
		var h isobmff.Header
		if h, err = isobmff.ReadHeader(in, at, size); err != nil || h.SizeBytes == 0 {
			break
		}
		if h.Is("moov") {
			var moov []byte
			if moov, err = isobmff.ReadPayload(f.f, at, h, size, isobmff.MaxMoovBytes); err != nil {
				break
			}
			return leadOf(moov, &f.entry)
		}
		at += h.SizeBytes
	}
	if err == nil {
		err = ErrNotOurs
	}
	return nil, 0, err
}

// leadOf returns the trak payload and the timescale of the lead track in a moov, by the
// tracks that the entry lists.
func leadOf(moov []byte, e *entry) (lead []byte, timescale uint32, err error) {
	listed := e.identity.Tracks
	id := listed[media.LeadOf(len(listed), func(i int) media.Kind { return media.KindNamed(listed[i].Kind) })].ID
	for boxes := isobmff.Walk(moov); lead == nil && boxes.Next(); {
		if boxes.Is("trak") {
			if tkhd, _ := isobmff.ReadTkhd(isobmff.Find(boxes.Payload, "tkhd")); tkhd.ID == id {
				lead = boxes.Payload
			}
		}
	}
	mdhd, _ := isobmff.ReadMdhd(isobmff.Find(lead, "mdia", "mdhd"))
	timescale = mdhd.Timescale
	if timescale == 0 {
		return nil, 0, errors.New("moov has an incomplete trak")
	}
	return lead, timescale, nil
}

// keyFrameInChunks returns the time of the last key frame at or before upTo, by the moofs of the
// chunks; 0 if there is none. Times count from the lead track's first sample.
func (f *file) keyFrameInChunks(upTo time.Duration) (found time.Duration, err error) {
	size, err := f.f.Size()
	if err != nil {
		return 0, err
	}
	lead := &f.tracks[f.lead]
	limit := media.FromNanos(int64(upTo), lead.timescale)
	first := int64(-1)
	s := newChunkScan(f, size, f.lay.chunksAt)
	for {
		head, payload, ok, err := s.measure()
		if err != nil || !ok || f.parseFragment(&f.frag, s.buf[:head], payload) != nil {
			return found, err
		}
		for i := range f.frag.runs {
			r := &f.frag.runs[i]
			if r.track != lead {
				continue
			}
			if first < 0 {
				first = r.cols.DTS[0]
			}
			for k, dts := range r.cols.DTS {
				if dts-first > limit {
					return found, nil
				}
				if r.cols.Flags[k]&media.FlagSync != 0 {
					found = time.Duration(media.ToNanos(dts-first, lead.timescale))
				}
			}
		}
		s.pos += head + 8 + payload
	}
}
