package timeshift

import (
	"errors"
	"io"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// samples are the samples of a segment in a recording. They implement cmaf.Samples.
type samples struct {
	recs    []*clip.Recording
	columns []media.Columns // by track of the segment's Init
	at      [][]stretch
}

// stretch is a run of bytes of a file.
type stretch struct {
	rec           *clip.Recording
	at, sizeBytes int64
}

// maxSegmentBytes bounds a segment: its size is written with 32 bits.
const maxSegmentBytes = 1 << 31

// opened reads where the samples of a segment lie in a recording, which the result closes, as does an error.
func (a *Archive) opened(rec *clip.Recording, s *cmaf.Past, at *place) (cmaf.Samples, error) {
	n := s.Init.Len()
	m := &samples{recs: []*clip.Recording{rec}, columns: make([]media.Columns, n), at: make([][]stretch, n)}
	counts := make([]int64, n)
	for i := range counts {
		counts[i] = s.Runs[i].Samples
		if at.rest != nil {
			counts[i] -= at.rest.count[i]
		}
	}
	err := rec.Mended(func() error {
		clear(m.columns)
		clear(m.at)
		return m.read(rec, s, at.first, counts)
	})
	if err == nil && at.rest != nil {
		if rec, err = a.Library.Open(at.rest.id, at.rest.path); err == nil {
			m.recs = append(m.recs, rec)
			err = m.read(rec, s, at.rest.first, at.rest.count)
		}
	}
	if err != nil {
		return nil, errors.Join(gone(err), m.Close())
	}
	for i := range m.columns {
		if c := &m.columns[i]; c.Len() > 0 {
			c.EndTicks = max(s.Runs[i].UntilTicks, c.DTS[c.Len()-1]+1)
		}
	}
	return m, nil
}

// read adds counts samples of each track of the segment, from number first on, of a recording.
func (m *samples) read(rec *clip.Recording, s *cmaf.Past, first, counts []int64) error {
	tracks := tracksOf(rec, s.Init)
	if tracks == nil {
		return cmaf.ErrNotRecorded
	}
	total := int64(0)
	for i, track := range tracks {
		if counts[i] == 0 {
			continue
		}
		if first[i]+counts[i] > rec.Tracks[track].Samples {
			return cmaf.ErrNotRecorded
		}
		sizeBytes, err := m.readTrack(i, rec, rec.Samples(track, first[i], first[i]+counts[i]), &s.Runs[i])
		if total += sizeBytes; err == nil && total > maxSegmentBytes {
			err = cmaf.ErrNotRecorded
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readTrack adds samples to the columns of track i. They follow those that the columns have, or begin the run.
func (m *samples) readTrack(i int, rec *clip.Recording, in *clip.Cursor, run *cmaf.Run) (sizeBytes int64, err error) {
	c, next := &m.columns[i], run.FromTicks
	if n := c.Len(); n > 0 {
		next = c.EndTicks
	}
	var x isobmff.Sample
	for {
		ok, err := in.Next(&x)
		if !ok || err != nil {
			c.EndTicks = next
			return sizeBytes, err
		}
		flags := uint8(0)
		if x.Sync {
			flags = media.FlagSync
		}
		c.DTS, c.OffsetTicks = append(c.DTS, next), append(c.OffsetTicks, x.OffsetTicks)
		c.SizeBytes, c.Flags = append(c.SizeBytes, x.SizeBytes), append(c.Flags, flags)
		next += x.DurationTicks
		sizeBytes += int64(x.SizeBytes)
		list := m.at[i]
		if n := len(list); n > 0 && list[n-1].rec == rec && list[n-1].at+list[n-1].sizeBytes == x.At {
			list[n-1].sizeBytes += int64(x.SizeBytes)
		} else {
			m.at[i] = append(list, stretch{rec, x.At, int64(x.SizeBytes)})
		}
	}
}

// Columns returns the samples of a track, or nil if there are none.
func (m *samples) Columns(track int) *media.Columns {
	if m.columns[track].Len() == 0 {
		return nil
	}
	return &m.columns[track]
}

// Copy writes the payload of the samples, by track.
func (m *samples) Copy(w io.Writer) error {
	for _, list := range m.at {
		for _, s := range list {
			n, err := io.Copy(w, io.NewSectionReader(s.rec.File, s.at, s.sizeBytes))
			if err != nil {
				return err
			}
			if n < s.sizeBytes {
				return io.ErrUnexpectedEOF
			}
		}
	}
	return nil
}

// Close closes the recordings.
func (m *samples) Close() (err error) {
	for _, rec := range m.recs {
		err = errors.Join(err, rec.Close())
	}
	return err
}
