package file

import (
	"errors"
	"fmt"
	"io"

	"github.com/gospool/spool/pipeline/isobmff"
)

// LeftOut returns the tracks of the file that the reader does not support.
func (r *Reader) LeftOut() []LeftOut { return r.movie.left }

// Fragmented reports whether the media of the file is in movie fragments.
func (r *Reader) Fragmented() bool { return r.movie.fragments != nil }

// SizeBytes returns the size that the file had when it was opened.
func (r *Reader) SizeBytes() int64 { return r.gather.fileBytes }

// ShiftTicks returns the ticks that the edit list of a track adds to the times of its samples. track is an index of
// Tracks.
func (r *Reader) ShiftTicks(track int) int64 { return r.movie.tracks[track].shiftTicks }

// Scan calls each with every sample of the supported tracks, as the file describes it: without the corrections of
// Next, without the edit list, and without reading the media. track is an index of Tracks. The samples of one track
// come in the order of the file; an ordinary file has one track after another, and a fragmented one the fragments.
// So the memory of Scan is bounded by the moov and one fragment.
//
// The sample is valid during the call. An error of each ends Scan, which returns it. A reader with which Scan was
// called cannot make chunks any more.
func (r *Reader) Scan(each func(track int, s *isobmff.Sample) error) error {
	err := r.scan(each)
	if err != nil {
		err = fmt.Errorf("%s: %w", r.name, err)
	}
	return err
}

func (r *Reader) scan(each func(track int, s *isobmff.Sample) error) error {
	for i := range r.tracks {
		r.tracks[i].samples.Rewind()
	}
	if fragments := r.movie.fragments; fragments != nil {
		return r.scanFragments(fragments, each)
	}
	var s isobmff.Sample
	for i := range r.tracks {
		for {
			more, err := r.tracks[i].samples.Next(&s)
			if err != nil {
				return fmt.Errorf("track %d: %w", r.tracks[i].id, err)
			}
			if !more {
				break
			}
			if err := each(i, &s); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanFragments calls each with the samples of one fragment after another.
func (r *Reader) scanFragments(fragments *fragments, each func(track int, s *isobmff.Sample) error) error {
	for {
		more, err := fragments.advance()
		if err != nil || !more {
			return err
		}
		for i := range r.tracks {
			q := r.tracks[i].samples.(*queue)
			for k := range q.samples {
				if err := each(i, &q.samples[k]); err != nil {
					return err
				}
			}
			q.samples, q.given, q.whole = q.samples[:0], 0, 0
		}
	}
}

// ReadSample reads the media of a sample of Scan, at most limit bytes of it, into buf, which it grows if needed. It
// returns io.ErrUnexpectedEOF if the file ends before the last of these bytes.
func (r *Reader) ReadSample(buf []byte, s *isobmff.Sample, limit int) ([]byte, error) {
	n := min(int(s.SizeBytes), limit)
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	switch _, err := r.f.ReadAt(buf, s.At); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: at byte %d: %w", r.name, s.At, io.ErrUnexpectedEOF)
	case err != nil:
		return nil, fmt.Errorf("%s: at byte %d: %w", r.name, s.At, err)
	}
	return buf, nil
}
