package timeshift

import (
	"errors"
	"io"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// samples are the samples of a segment in recordings. They implement cmaf.Samples. They hold the files, and no index: a client may take
// its time.
type samples struct {
	files   []io.Closer
	columns []media.Columns // by track of the segment's Init
	at      [][]stretch
}

// stretch is a run of bytes of a file.
type stretch struct {
	file          io.ReaderAt
	at, sizeBytes int64
}

// maxSegmentBytes bounds a segment: its size is written with 32 bits.
const maxSegmentBytes = 1 << 31

// read reads where the samples of a segment lie. The result takes the files of the recordings over.
func read(recs *recordings, s *cmaf.Past, at *place) (*samples, error) {
	n := s.Init.Len()
	m := &samples{columns: make([]media.Columns, n), at: make([][]stretch, n)}
	for k := range at.pieces {
		if err := m.readPiece(recs, &at.pieces[k], s); err != nil {
			return nil, err
		}
	}
	total := int64(0)
	for i := range m.columns {
		if c := &m.columns[i]; c.Len() > 0 {
			c.EndTicks = max(s.Runs[i].UntilTicks, c.DTS[c.Len()-1]+1)
		}
		for _, one := range m.at[i] {
			total += one.sizeBytes
		}
	}
	if total > maxSegmentBytes {
		return nil, cmaf.ErrNotRecorded
	}
	m.files = recs.release()
	return m, nil
}

// readPiece adds the samples of a piece.
func (m *samples) readPiece(recs *recordings, p *piece, s *cmaf.Past) error {
	rec, err := recs.get(p.id, p.path)
	if err != nil {
		return err
	}
	tracks := tracksOf(rec, s.Init)
	if tracks == nil {
		return cmaf.ErrNotRecorded
	}
	for i, track := range tracks {
		if p.count[i] == 0 {
			continue
		}
		if p.first[i]+p.count[i] > rec.Tracks[track].Samples {
			return cmaf.ErrNotRecorded
		}
		columns, at := m.columns[i], m.at[i]
		err := rec.Mended(func() error {
			m.columns[i], m.at[i] = columns, at[:len(at):len(at)]
			return m.readTrack(i, rec, rec.Samples(track, p.first[i], p.first[i]+p.count[i]), &s.Runs[i])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readTrack adds samples to the columns of track i. They follow those that the columns have, or begin the run.
func (m *samples) readTrack(i int, rec *clip.Recording, in *clip.Cursor, run *cmaf.Run) error {
	c, next := &m.columns[i], run.FromTicks
	if n := c.Len(); n > 0 {
		next = c.EndTicks
	}
	var x isobmff.Sample
	for {
		ok, err := in.Next(&x)
		if !ok || err != nil {
			c.EndTicks = next
			return err
		}
		flags := uint8(0)
		if x.Sync {
			flags = media.FlagSync
		}
		c.DTS, c.OffsetTicks = append(c.DTS, next), append(c.OffsetTicks, x.OffsetTicks)
		c.SizeBytes, c.Flags = append(c.SizeBytes, x.SizeBytes), append(c.Flags, flags)
		next += x.DurationTicks
		list := m.at[i]
		if n := len(list); n > 0 && list[n-1].file == rec.File.File && list[n-1].at+list[n-1].sizeBytes == x.At {
			list[n-1].sizeBytes += int64(x.SizeBytes)
		} else {
			m.at[i] = append(list, stretch{rec.File.File, x.At, int64(x.SizeBytes)})
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
			n, err := io.Copy(w, io.NewSectionReader(s.file, s.at, s.sizeBytes))
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

// Close closes the files.
func (m *samples) Close() (err error) {
	for _, f := range m.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
