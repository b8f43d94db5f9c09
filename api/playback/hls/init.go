package hls

import (
	"fmt"
	"io"

	"github.com/gospool/spool/pipeline/isobmff"
)

// Init is the place of the boxes in a file that describe its fragments.
type Init struct {
	FtypBytes int64 // the file begins with its ftyp, of this length
	MoovAt    int64 // offset of the moov that the file had while it grew
	MoovBytes int64 // length of that box
}

// SizeBytes returns the length of the initialisation segment.
func (i Init) SizeBytes() int64 { return i.FtypBytes + i.MoovBytes }

// maxInitBytes bounds the moov of an initialisation segment, which has no sample tables.
const maxInitBytes = 1 << 20

// Reader returns the initialisation segment of an open file: its ftyp and moov.
func (i Init) Reader(file io.ReaderAt) io.Reader {
	return io.MultiReader(io.NewSectionReader(file, 0, i.FtypBytes), io.NewSectionReader(file, i.MoovAt, i.MoovBytes))
}

// FindInit finds the initialisation segment of a file of size bytes. It returns ErrNoRanges if the
// file has none.
func FindInit(file io.ReaderAt, size int64) (Init, error) {
	_, found, err := findInit(file, size)
	return found, err
}

// pageBytes is the alignment of the moov of a growing file that becomes a part of an mdat.
const pageBytes = 4096

// maxBoxes bounds the boxes that are read in search of the moov.
const maxBoxes = 64

// findInit finds the initialisation segment, and the offset from which the fragments follow. A
// finished ordinary file has both inside its mdat: see package sinks/mp4.
func findInit(file io.ReaderAt, size int64) (fragments int64, found Init, err error) {
	inside := false
	w := isobmff.WalkFile(file, 0, size)
	for n := 0; n < maxBoxes && w.Next() && w.SizeBytes != 0 && (!inside || w.Is("moov")); n++ {
		switch {
		case w.Is("ftyp") && w.At == 0 && w.SizeBytes <= pageBytes:
			found.FtypBytes = w.SizeBytes
		case w.Is("moov") && w.SizeBytes <= maxInitBytes:
			moov, err := w.Read(maxInitBytes)
			if err != nil {
				return 0, found, err
			}
			if isobmff.Find(moov, "mvex") != nil && found.FtypBytes > 0 {
				found.MoovAt, found.MoovBytes = w.At, w.SizeBytes
				return w.End(), found, nil
			}
		case w.Is("mdat"):
			inside = true
			w = isobmff.WalkFile(file, (w.PayloadAt()+pageBytes-1)/pageBytes*pageBytes, size)
		}
	}
	if err := w.Err(); err != nil && !isobmff.IsContent(err) {
		return 0, found, err
	}
	return 0, found, fmt.Errorf("%w: no moov describes any", ErrNoRanges)
}
