package movie

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"

	"github.com/gospool/spool/api/playback/clip"
)

// Init returns the ftyp and the moov of the movie as a fragmented file: see WriteFragments.
func (m *Movie) Init() ([]byte, error) {
	f := &fragments{m: m, base: m.base()}
	return f.head()
}

// ErrNoFragment reports samples that the movie does not have.
var ErrNoFragment = errors.New("the recording has no such samples")

// maxOneFragmentSamples bounds the samples of a fragment of Movie.Fragment, and with them its memory, some 10 MB.
const maxOneFragmentSamples = 1 << 18

// Fragment returns one fragment of a movie that has one recording: a moof and its mdat. It has the samples of the recording's lead track from
// number first up to but not including end, and those of the other tracks that are decoded with them: from the decode time of the
// first one up to that of the next one behind the last. mark is a checksum of the samples' places, sizes and times. The fragments of consecutive numbers have each sample once. With only, the
// fragment has the lead samples alone. r is the open recording; the result reads its file.
func (m *Movie) Fragment(r *clip.Recording, first, end int64, only bool) (content *io.SectionReader, mark uint32, err error) {
	lead := &m.tracks[m.lead()].parts[0]
	if first >= end || first < lead.first || end > lead.end {
		return nil, 0, fmt.Errorf("%w: %d to %d", ErrNoFragment, first, end)
	}
	f := &fragments{m: m, base: m.base(), file: r.File, runs: make([]fragmentRun, len(m.tracks)), number: uint32(min(first-lead.first, math.MaxUint32-1)) + 1}
	for i := range m.tracks {
		p := placed{&m.tracks[i].parts[0], &m.tracks[i], 0}
		from, to := first, end
		if p.part != lead && only {
			continue
		}
		if p.part != lead {
			if from, to, err = p.beside(r, lead, first, end); err != nil {
				return nil, 0, err
			}
		}
		if err := f.take(r, p, from, to); err != nil {
			return nil, 0, err
		}
	}
	return f.reader()
}

// beside returns the samples of a part that are decoded with the samples of the lead part from number first up to end.
func (p *part) beside(r *clip.Recording, lead *part, first, end int64) (from, to int64, err error) {
	if from, to = p.first, p.end; first > lead.first {
		from, err = p.decodedWith(r, lead, first)
	}
	if err == nil && end < lead.end {
		to, err = p.decodedWith(r, lead, end)
	}
	return from, to, err
}

// decodedWith returns the number of the first sample of a part whose decode time is that of a sample of the lead part, or later.
func (p *part) decodedWith(r *clip.Recording, lead *part, n int64) (int64, error) {
	s, err := r.Sample(lead.track, n)
	if err != nil {
		return 0, err
	}
	t := &r.Tracks[p.track]
	ns := r.Tracks[lead.track].NS(s.DTS)
	least := ticksFrom(ns, t.Timescale) + min(int64(t.MinOffsetTicks), 0) // no sample to find is presented before
	from, _, err := r.Range(p.track, least, maxTicks)
	if err != nil {
		return 0, err
	}
	at := max(from, p.first)
	for c := r.Samples(p.track, at, p.end); ; at++ {
		ok, err := c.Next(&s)
		if err != nil || !ok || t.NS(s.DTS) >= ns {
			return at, err
		}
	}
}

// take adds the samples of a part to the fragment.
func (f *fragments) take(r *clip.Recording, p placed, from, to int64) error {
	if f.samples += int(max(min(to-from, maxOneFragmentSamples+1), 0)); f.samples > maxOneFragmentSamples {
		return fmt.Errorf("a fragment has more than %d samples", maxOneFragmentSamples)
	}
	w := &walker{placed: p, c: r.Samples(p.track, from, to), scale: f.m.timescale(), n: from - p.first}
	for ; from < to; from++ {
		if ok, err := w.next(); err != nil {
			return err
		} else if !ok {
			return errChanged
		}
		f.put(&w.s)
	}
	return nil
}

// reader returns the bytes of the fragment.
func (f *fragments) reader() (content *io.SectionReader, mark uint32, err error) {
	boxes, err := f.boxes()
	if err != nil {
		return nil, 0, err
	}
	mark = crc32.ChecksumIEEE(boxes)
	of := &scattered{places: []io.ReaderAt{bytes.NewReader(boxes)}, ends: []int64{int64(len(boxes))}}
	for i := range f.runs {
		for _, p := range f.runs[i].from {
			of.places = append(of.places, io.NewSectionReader(f.file, p.at, p.n))
			of.ends = append(of.ends, of.ends[len(of.ends)-1]+p.n)
			mark = crc32.Update(mark, crc32.IEEETable, strconv.AppendInt([]byte{' '}, p.at, 10))
		}
	}
	return io.NewSectionReader(of, 0, of.ends[len(of.ends)-1]), mark, nil
}
