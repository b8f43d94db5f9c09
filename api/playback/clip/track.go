package clip

import (
	"fmt"
	"io"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// Track describes a track of a recording: its samples as the index counts them, and its boxes.
type Track struct {
	index.Track
	Language      string // ISO 639-2/T
	Width, Height uint32 // of the presentation, 16.16 fixed point
	Volume        int16
	Entry         []byte // the sample entry, a complete box
	Roll          int16  // roll_distance of the track's roll group (ISO/IEC 14496-12, 10.1); 0: it has none
	shiftTicks    int64  // added to the index's decode times
}

// Kind returns the kind of the track's media.
func (t *Track) Kind() media.Kind {
	switch {
	case t.Handler.Is("vide"):
		return media.Video
	case t.Handler.Is("soun"):
		return media.Audio
	}
	return media.Metadata
}

// Codec returns the four characters of the sample entry.
func (t *Track) Codec() isobmff.FourCC { return isobmff.FourCC(t.Entry[4:8]) }

// maxEntryBytes bounds the description of one track, maxTracks the number of tracks.
const (
	maxEntryBytes = 1 << 20
	maxTracks     = index.MaxTracks
)

// describe sets r.Tracks from the index and from the file's moov.
func (r *Recording) describe() error {
	described, err := readTracks(filesystem.NewAhead(r.File.File, r.File.Size), r.File.Size)
	if err != nil {
		return err
	}
	for _, x := range r.index.Tracks {
		t, known := described[x.ID]
		if !known {
			return fmt.Errorf("the moov has no track %d, and the sample index does", x.ID)
		}
		t.Track = x
		if t.shiftTicks, err = r.shift(len(r.Tracks)); err != nil {
			return err
		}
		r.Tracks = append(r.Tracks, t)
	}
	return nil
}

// readTracks returns the tracks in the moov of a file of size bytes, by their IDs, without the fields that the index has. It reads the
// headers of the moov's boxes and the descriptions, not the sample tables.
func readTracks(in io.ReaderAt, size int64) (map[uint32]Track, error) {
	moov, err := findBox(in, 0, size, "moov")
	if err != nil {
		return nil, err
	}
	described := map[uint32]Track{}
	for at := moov.from; at < moov.to && len(described) < maxTracks; {
		trak, err := findBox(in, at, moov.to, "trak")
		if err != nil {
			break // behind the last one
		}
		t, err := readTrack(in, trak)
		if err != nil {
			return nil, err
		}
		described[t.ID] = t
		at = trak.to
	}
	return described, nil
}

// box is the payload of a box: the bytes of a file from one offset up to another.
type box struct{ from, to int64 }

// findBox returns the first box with a type among the boxes between two offsets.
func findBox(in io.ReaderAt, at, end int64, fourcc string) (box, error) {
	for at < end {
		h, err := isobmff.ReadHeader(in, at, end)
		if err != nil {
			return box{}, err
		}
		size := h.SizeBytes
		if size == 0 {
			size = end - at
		}
		if size > end-at {
			break
		}
		if h.Is(fourcc) {
			return box{at + h.HeaderBytes, at + size}, nil
		}
		at += size
	}
	return box{}, fmt.Errorf("the file has no box %s where one belongs", fourcc)
}

// within returns the box at a path of types below a box.
func (b box) within(in io.ReaderAt, path ...string) (box, error) {
	var err error
	for _, fourcc := range path {
		if b, err = findBox(in, b.from, b.to, fourcc); err != nil {
			return b, err
		}
	}
	return b, nil
}

// read returns the payload of the box at a path below a box.
func (b box) read(in io.ReaderAt, path ...string) ([]byte, error) {
	b, err := b.within(in, path...)
	if err != nil {
		return nil, err
	}
	if b.to-b.from > maxEntryBytes {
		return nil, fmt.Errorf("box %s has %d bytes, and %d are the most that is read", path[len(path)-1], b.to-b.from, maxEntryBytes)
	}
	p := make([]byte, b.to-b.from)
	if n, err := in.ReadAt(p, b.from); n < len(p) {
		return nil, err
	}
	return p, nil
}

// readTrack reads the description of a track from its trak.
func readTrack(in io.ReaderAt, trak box) (t Track, err error) {
	tkhd, err := trak.read(in, "tkhd")
	if err != nil {
		return t, err
	}
	mdia, err := trak.within(in, "mdia")
	if err != nil {
		return t, err
	}
	mdhd, err := mdia.read(in, "mdhd")
	if err != nil {
		return t, err
	}
	stsd, err := mdia.read(in, "minf", "stbl", "stsd")
	if err != nil {
		return t, err
	}
	track, whole := isobmff.ReadTkhd(tkhd)
	head, scaled := isobmff.ReadMdhd(mdhd)
	if !whole || !scaled {
		return t, fmt.Errorf("track %d is not described", track.ID)
	}
	t = Track{Track: index.Track{ID: track.ID}, Language: head.Language, Width: track.Width, Height: track.Height, Volume: track.Volume}
	if sgpd, err := mdia.read(in, "minf", "stbl", "sgpd"); err == nil {
		t.Roll = isobmff.ReadRollDescription(sgpd)
	}
	t.Entry, err = firstEntry(stsd)
	return t, err
}

// firstEntry returns the first sample entry in the payload of an stsd (ISO/IEC 14496-12, 8.5.2), a complete box.
func firstEntry(stsd []byte) ([]byte, error) {
	if len(stsd) < 8+8 {
		return nil, fmt.Errorf("the stsd has %d bytes and no sample entry", len(stsd))
	}
	entries := isobmff.Walk(stsd[8:])
	if !entries.Next() {
		return nil, fmt.Errorf("the sample entry in the stsd is cut")
	}
	return stsd[8 : 8+entries.SizeBytes], nil
}
