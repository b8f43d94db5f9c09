package still

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// file is an MP4 file of one picture: boxes that are made, and the media in a recording's file. It
// implements io.ReaderAt.
type file struct {
	head  []byte
	media io.ReaderAt // the recording's file
	at    int64       // offset of the picture there
	bytes int64       // of the picture
	tag   string      // an ETag without quotes, of all bytes
}

// size returns the length of the file in bytes.
func (f *file) size() int64 { return int64(len(f.head)) + f.bytes }

// ReadAt reads bytes of the file: see io.ReaderAt.
func (f *file) ReadAt(b []byte, off int64) (n int, err error) {
	if off < int64(len(f.head)) {
		n = copy(b, f.head[off:])
	}
	if n == len(b) {
		return n, nil
	}
	from := off + int64(n) - int64(len(f.head))
	if left := f.bytes - from; left <= 0 {
		return n, io.EOF
	} else if int64(len(b)-n) > left {
		b = b[:n+int(left)]
		err = io.EOF
	}
	more, failed := f.media.ReadAt(b[n:], f.at+from)
	if n += more; n < len(b) {
		return n, failed
	}
	return n, err
}

// file returns the MP4 file of a picture, which is valid until f is closed.
//
//	ftyp
//	moov
//	  mvhd
//	  trak  tkhd, mdia{ mdhd, hdlr, minf{ vmhd, dinf, stbl{ stsd, the tables } } }
//	mdat
func (f *frame) file() (*file, error) { return f.fileOf(f.recording.File) }

// fileOf returns the MP4 file of a picture in a recording's file.
func (f *frame) fileOf(recording io.ReaderAt) (*file, error) {
	const headerBytes = 8
	if int64(f.sample.SizeBytes) > math.MaxUint32-headerBytes {
		return nil, fmt.Errorf("the picture has %d bytes, more than an mdat can have", f.sample.SizeBytes)
	}
	var w isobmff.Writer
	f.boxes(&w, 0)
	mediaAt := int64(len(w.B)) + headerBytes
	w.B = w.B[:0]
	f.boxes(&w, mediaAt) // of the same length
	w.Header("mdat", f.sample.SizeBytes+headerBytes)
	out := &file{head: w.B, media: recording, at: f.sample.At, bytes: int64(f.sample.SizeBytes)}
	sum := sha256.New()
	sum.Write(f.id[:])
	fmt.Fprintln(sum, out.at)
	sum.Write(out.head)
	out.tag = fmt.Sprintf("%x", sum.Sum(nil)[:16])
	return out, w.Err()
}

// boxes appends the boxes of the file before the mdat. mediaAt is the offset of the picture in the file.
func (f *frame) boxes(w *isobmff.Writer, mediaAt int64) {
	ftyp := w.Open("ftyp")
	w.AppendString("isom\x00\x00\x02\x00isomiso6mp41mp42")
	w.Close(ftyp)
	moov := w.Open("moov")
	created, lasts := isobmff.ToMovieTime(f.createdUTC), max(f.sample.DurationTicks, 1)
	w.Mvhd(&isobmff.MovieHeader{CreatedSeconds: created, Timescale: f.track.Timescale, DurationTicks: uint64(lasts), NextTrackID: 2})
	trak := w.Open("trak")
	w.Tkhd(&isobmff.TrackHeader{CreatedSeconds: created, ID: 1, DurationTicks: uint64(lasts), Width: f.track.Width, Height: f.track.Height})
	mdia := w.Open("mdia")
	w.Mdhd(&isobmff.MediaHeader{CreatedSeconds: created, Timescale: f.track.Timescale, DurationTicks: uint64(lasts)})
	minf := w.OpenMinf("vide", "VideoHandler")
	stbl := w.Open("stbl")
	stsd := w.OpenFull("stsd", 0, 0)
	w.U32(1)
	w.Append(f.track.Entry)
	w.Close(stsd)
	var table isobmff.TableBuilder
	table.Add(&media.Columns{
		DTS: []int64{0}, OffsetTicks: []int32{0}, SizeBytes: []uint32{f.sample.SizeBytes}, Flags: []uint8{media.FlagSync}, EndTicks: lasts,
	}, 0, mediaAt)
	table.Write(w)
	for _, box := range [...]int{stbl, minf, mdia, trak, moov} {
		w.Close(box)
	}
}
