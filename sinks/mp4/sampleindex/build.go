package sampleindex

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// ErrNoTables reports that no index can be built from the content of a file.
var ErrNoTables = errors.New("no index can be made of the file")

// Build builds the index of a file that spool wrote, finished or growing. The parameter of
// describes the file; Build sets its field Moov. Build reads the file up to byte of.Bytes, which
// for a growing file must be the end of the last whole chunk. It reads the tables or moofs and no
// media, and needs time and memory in proportion to them. It returns ErrNoTables if the content
// permits no index.
func Build(file io.ReaderAt, of index.Source) ([]byte, error) {
	moov, end, err := findMoov(file, of.Bytes)
	if err != nil {
		return nil, err
	}
	of.Moov = index.Checksum(moov)
	if isobmff.Find(moov, "mvex") == nil {
		return fromTables(moov, of)
	}
	return fromFragments(file, end, moov, of)
}

// findMoov reads the payload of the first moov of a file of size bytes, which is the one that
// players read, and returns the offset of the moov's end.
func findMoov(file io.ReaderAt, size int64) (moov []byte, end int64, err error) {
	w := isobmff.WalkFile(file, 0, size)
	for w.Next() {
		if w.Is("moov") {
			moov, err = w.Read(isobmff.MaxMoovBytes)
			return moov, w.End(), asNoTables(err)
		}
	}
	if w.Err() != nil {
		return nil, 0, asNoTables(w.Err())
	}
	return nil, 0, fmt.Errorf("%w: it has no moov", ErrNoTables)
}

// asNoTables wraps an error about a file's content in ErrNoTables.
func asNoTables(err error) error {
	if isobmff.IsContent(err) {
		return fmt.Errorf("%w: %w", ErrNoTables, err)
	}
	return err
}

// describeTrack reads the description of a track from the payload of its trak, and returns the
// ticks of the track to add to its decode times to get movie times, as its edit list defines.
// movie is the timescale of the movie.
func describeTrack(trak []byte, movie uint32) (t index.Track, shift int64, err error) {
	tkhd, _ := isobmff.ReadTkhd(isobmff.Find(trak, "tkhd"))
	mdhd, whole := isobmff.ReadMdhd(isobmff.Find(trak, "mdia", "mdhd"))
	handler, is := isobmff.ReadHdlr(isobmff.Find(trak, "mdia", "hdlr"))
	if !whole || !is || mdhd.Timescale == 0 {
		return t, 0, fmt.Errorf("%w: track %d is not described", ErrNoTables, tkhd.ID)
	}
	t = index.Track{ID: tkhd.ID, Timescale: mdhd.Timescale, Handler: handler}
	edits := isobmff.ReadElst(isobmff.Find(trak, "edts", "elst"))
	for edit, ok := edits.Next(); ok; edit, ok = edits.Next() {
		if edit.MediaTicks != -1 {
			return t, shift - min(max(edit.MediaTicks, 0), math.MaxInt32), nil
		}
		if movie == 0 || edit.DurationTicks > math.MaxInt32<<16 {
			return t, 0, fmt.Errorf("%w: the edit list of track %d", ErrNoTables, t.ID)
		}
		shift = media.Rescale(int64(edit.DurationTicks), movie, t.Timescale)
	}
	return t, shift, nil
}

// fromTables builds an index from the sample tables in the payload of a moov.
func fromTables(moov []byte, of index.Source) ([]byte, error) {
	mvhd, _ := isobmff.ReadMvhd(isobmff.Find(moov, "mvhd"))
	if err := checkClaims(moov, of.Bytes); err != nil {
		return nil, err
	}
	var e index.Encoder
	boxes := isobmff.Walk(moov)
	for boxes.Next() {
		if !boxes.Is("trak") {
			continue
		}
		t, shift, err := describeTrack(boxes.Payload, mvhd.Timescale)
		if err != nil {
			return nil, err
		}
		table, err := isobmff.ReadSampleTable(isobmff.Find(boxes.Payload, "mdia", "minf", "stbl"))
		if err != nil {
			return nil, fmt.Errorf("%w: track %d: %w", ErrNoTables, t.ID, err)
		}
		e.Track(t)
		var s isobmff.Sample
		for {
			ok, err := table.Next(&s)
			if err != nil {
				return nil, fmt.Errorf("%w: track %d: %w", ErrNoTables, t.ID, err)
			}
			if !ok {
				break
			}
			s.DTS += shift
			e.Add(&s)
		}
	}
	return finished(e.Finish(of))
}

// checkClaims returns ErrNoTables for sample tables that would need too much work: tables whose
// samples have more bytes in total than the file, and tables with one size for all samples,
// which in a few bytes can claim any number of samples. Tables of spool have a size for each
// sample (isobmff.TableBuilder), so that the moov's length limits their number.
func checkClaims(moov []byte, fileBytes int64) error {
	bytes := int64(0)
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if !boxes.Is("trak") {
			continue
		}
		table, err := isobmff.ReadSampleTable(isobmff.Find(boxes.Payload, "mdia", "minf", "stbl"))
		if err != nil {
			continue
		}
		if size := table.CommonSize(); size > 0 {
			return fmt.Errorf("%w: the stsz of a track has one size for all samples, %d bytes, which recordings never have", ErrNoTables, size)
		}
		if bytes += table.Bytes(); bytes > fileBytes {
			return fmt.Errorf("%w: its tables claim samples of %d bytes together", ErrNoTables, bytes)
		}
	}
	return nil
}

// finished returns the results of Encoder.Finish, with its error wrapped in ErrNoTables: the
// encoder refuses samples only for the content of the file.
func finished(text []byte, err error) ([]byte, error) {
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNoTables, err)
	}
	return text, err
}
