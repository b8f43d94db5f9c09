package cmaf

import (
	"context"
	"errors"
	"io"
)

// Recorded is a segment whose media lies in a recording. The caller closes it.
type Recorded struct {
	Init      *Init
	SizeBytes int

	head    []byte
	samples Samples
}

// Recorded opens a segment that has left memory. The error is ErrNotRecorded, also if the window has no such segment, or that of the
// Archive. A segment that no recording has leaves the window, with those before it.
func (u *Use) Recorded(ctx context.Context, number uint64) (*Recorded, error) {
	p := u.Packager
	s := p.window.findPast(number)
	if s == nil {
		return nil, ErrNotRecorded
	}
	samples, err := p.archive.Open(ctx, p.path, s)
	if err != nil {
		if errors.Is(err, ErrNotRecorded) {
			p.window.forget(number)
		}
		return nil, err
	}
	return newRecorded(s, samples), nil
}

func newRecorded(s *Past, samples Samples) *Recorded {
	runs, units := make([]run, len(s.Init.tracks)), 0
	for i := range runs {
		if c := samples.Columns(i); c != nil {
			runs[i].cols = *c
			units += c.Len()
			for _, size := range c.SizeBytes {
				runs[i].bytes += int(size)
			}
		}
	}
	r := &Recorded{Init: s.Init, samples: samples}
	payload := 0
	r.head, payload = headOf(s.Init, s.Number, runs, make([]int64, len(runs)), s.StartUTC, units)
	r.SizeBytes = len(r.head) + payload
	return r
}

// Copy writes the segment.
func (r *Recorded) Copy(w io.Writer) error {
	if _, err := w.Write(r.head); err != nil {
		return err
	}
	return r.samples.Copy(w)
}

// Close ends the reading.
func (r *Recorded) Close() error { return r.samples.Close() }
