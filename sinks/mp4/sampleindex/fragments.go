package sampleindex

import (
	"fmt"
	"io"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// fragmented collects the samples of a fragmented file.
type fragmented struct {
	tables    []Table
	defaults  []isobmff.SampleDefaults // from the trex of each track, in the order of tables
	columns   media.Columns            // samples of the current track run; reused
	sizeBytes int64                    // size of the file
}

// fromFragments builds an index from the fragments between offset at and byte of.Bytes of a file. It
// skips other boxes, and ends at an incomplete box. moov is the payload of the moov.
func fromFragments(file io.ReaderAt, at int64, moov []byte, of index.Source) ([]byte, error) {
	g := &fragmented{sizeBytes: of.Bytes}
	if err := g.begin(moov); err != nil {
		return nil, err
	}
	var moof []byte
	moofAt := int64(0)
	w := isobmff.WalkFile(file, at, of.Bytes)
	for w.Next() && w.SizeBytes != 0 {
		switch {
		case w.Is("moof"):
			var err error
			if moof, err = w.Read(isobmff.MaxMoofBytes); err != nil {
				return nil, asNoTables(err)
			}
			moofAt = w.At
		case w.Is("mdat") && moof != nil:
			if err := g.add(moof, moofAt, w.End()); err != nil {
				return nil, err
			}
			moof = nil
		default:
			moof = nil
		}
	}
	if err := w.Err(); err != nil && !isobmff.IsContent(err) { // an incomplete box ends a growing file
		return nil, err
	}
	return finished(Encode(of, g.tables))
}

func (g *fragmented) begin(moov []byte) error {
	mvhd, _ := isobmff.ReadMvhd(isobmff.Find(moov, "mvhd"))
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if !boxes.Is("trak") {
			continue
		}
		t, shift, err := describeTrack(boxes.Payload, mvhd.Timescale)
		if err != nil {
			return err
		}
		g.tables = append(g.tables, Table{Track: t, Samples: &isobmff.TableBuilder{}, ShiftTicks: shift})
		if len(g.tables) > index.MaxTracks {
			return fmt.Errorf("%w: it has more than %d tracks", ErrNoTables, index.MaxTracks)
		}
	}
	g.defaults = make([]isobmff.SampleDefaults, len(g.tables))
	for boxes := isobmff.Walk(isobmff.Find(moov, "mvex")); boxes.Next(); {
		if trex, whole := isobmff.ReadTrex(boxes.Payload); boxes.Is("trex") && whole {
			if i := g.track(trex.TrackID); i >= 0 {
				g.defaults[i] = trex.SampleDefaults
			}
		}
	}
	return nil
}

func (g *fragmented) track(id uint32) int {
	for i := range g.tables {
		if g.tables[i].ID == id {
			return i
		}
	}
	return -1
}

// add adds the samples of a fragment to g.tables. moof is the payload of the moof, which begins
// at offset at; the mdat ends at offset end. add returns ErrNoTables if the moof is damaged or
// not in the form that spool writes.
func (g *fragmented) add(moof []byte, at, end int64) error {
	damaged := fmt.Errorf("%w: the moof at byte %d", ErrNoTables, at)
	for boxes := isobmff.Walk(moof); boxes.Next(); {
		if !boxes.Is("traf") {
			continue
		}
		h, whole := isobmff.ReadTfhd(isobmff.Find(boxes.Payload, "tfhd"))
		ticks, _, timed := isobmff.ReadTfdt(isobmff.Find(boxes.Payload, "tfdt"))
		trun, runs := isobmff.ReadTrun(isobmff.Find(boxes.Payload, "trun"))
		i := g.track(h.TrackID)
		const needed = isobmff.TrunDataOffset | isobmff.TrunSize // the box then limits the number of samples
		if !whole || !timed || !runs || i < 0 || h.Flags&isobmff.TfhdBaseIsMoof == 0 ||
			trun.Flags&needed != needed || !trun.Exact() || ticks > math.MaxInt64/8 {
			return damaged
		}
		c := &g.columns
		*c = media.Columns{DTS: c.DTS[:0], OffsetTicks: c.OffsetTicks[:0], SizeBytes: c.SizeBytes[:0], Flags: c.Flags[:0]}
		defaults := h.Over(g.defaults[i])
		trun.AppendTo(c, &defaults, int64(ticks))
		bytes := int64(0)
		for _, s := range c.SizeBytes {
			bytes += int64(s)
		}
		if first := at + int64(trun.DataOffset); first < at || first > end-bytes {
			return damaged
		}
		g.tables[i].Samples.Add(c, 0, at+int64(trun.DataOffset))
	}
	return nil
}
