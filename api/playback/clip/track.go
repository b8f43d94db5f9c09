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
	return r.describeBy(func(id uint32) (Track, bool) { t, known := described[id]; return t, known })
}

// describeBy sets r.Tracks from the index and from the descriptions of its tracks.
func (r *Recording) describeBy(described func(id uint32) (Track, bool)) (err error) {
	for _, x := range r.index.Tracks {
		t, known := described(x.ID)
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
	file := isobmff.WalkFile(in, 0, size)
	if err := file.Seek("moov"); err != nil {
		return nil, err
	}
	described := map[uint32]Track{}
	for moov := file.Inside(); len(described) < maxTracks && moov.Seek("trak") == nil; { // an error is behind the last one
		t, err := readTrack(moov)
		if err != nil {
			return nil, err
		}
		described[t.ID] = t
	}
	return described, nil
}

// read returns the payload of the box at a path below the current box.
func read(in *isobmff.FileBoxes, path ...string) ([]byte, error) {
	w, err := in.Find(path...)
	if err != nil {
		return nil, err
	}
	return w.Read(maxEntryBytes)
}

// readTrack reads the description of a track from its trak, the current box.
func readTrack(trak *isobmff.FileBoxes) (t Track, err error) {
	tkhd, err := read(trak, "tkhd")
	if err != nil {
		return t, err
	}
	mdia, err := trak.Find("mdia")
	if err != nil {
		return t, err
	}
	mdhd, err := read(mdia, "mdhd")
	if err != nil {
		return t, err
	}
	stbl, err := mdia.Find("minf", "stbl")
	if err != nil {
		return t, err
	}
	stsd, err := read(stbl, "stsd")
	if err != nil {
		return t, err
	}
	track, whole := isobmff.ReadTkhd(tkhd)
	head, scaled := isobmff.ReadMdhd(mdhd)
	if !whole || !scaled {
		return t, fmt.Errorf("track %d is not described", track.ID)
	}
	t = Track{Track: index.Track{ID: track.ID}, Language: head.Language, Width: track.Width, Height: track.Height, Volume: track.Volume}
	if sgpd, err := read(stbl, "sgpd"); err == nil {
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
