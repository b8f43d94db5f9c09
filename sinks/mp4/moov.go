package mp4

import (
	"github.com/gospool/spool/pipeline/codec"

	gomp4 "github.com/abema/go-mp4"

	"github.com/gospool/spool/pipeline/isobmff"
)

// mehdBytes is the size of a version 1 mehd, and of the free box that keeps its
// place while the file grows.
const mehdBytes = 20

// ftypOurs is how our files begin, after the size of the box.
const ftypOurs = "ftypisom\x00\x00\x02\x00isomiso6mp41mp42"

// writeFtyp appends the one ftyp that holds in both phases of a file.
func writeFtyp(w *isobmff.Writer, tracks []track) {
	at := w.Open("ftyp")
	w.B = append(w.B, ftypOurs[4:]...)
	for i := range tracks {
		if c, err := codec.Named(tracks[i].info.Codec); err == nil && c.Brand != "" {
			w.B = append(w.B, c.Brand...)
			break
		}
	}
	w.Close(at)
}

// writeGrowingMoov appends the moov that a file grows behind:
//
//	moov
//	  mvhd
//	  trak*     with empty tables
//	  mvex      free(20) in the place of mehd, trex*
//	  uuid      the entry
func writeGrowingMoov(w *isobmff.Writer, tracks []track, e *entry) (mehdAt, entryAt int) {
	moov := w.Open("moov")
	created := macTime(e.identity.StartUTC)
	writeMvhd(w, tracks, created, 0)
	for i := range tracks {
		tracks[i].writeTrak(w, created, false)
	}
	mvex := w.Open("mvex")
	mehdAt = len(w.B)
	w.Free(mehdBytes)
	for i := range tracks {
		w.Marshal(&gomp4.Trex{
			TrackID: tracks[i].id, DefaultSampleDescriptionIndex: 1,
			DefaultSampleFlags: tracks[i].defaultFlags(),
		})
	}
	w.Close(mvex)
	entryAt = len(w.B)
	e.write(w, moov)
	w.Close(moov)
	return mehdAt, entryAt
}

// writeFinalMoov appends the moov of an ordinary MP4 file. A track without
// samples is not in it.
func writeFinalMoov(w *isobmff.Writer, tracks []track, e *entry) {
	moov := w.Open("moov")
	created := macTime(e.identity.StartUTC)
	writeMvhd(w, tracks, created, movieDuration(tracks))
	for i := range tracks {
		if tracks[i].table.n > 0 {
			tracks[i].writeTrak(w, created, true)
		}
	}
	e.write(w, moov)
	w.Close(moov)
}

func writeMvhd(w *isobmff.Writer, tracks []track, created uint64, duration int64) {
	box := &gomp4.Mvhd{
		Timescale: movieTimescale, Rate: 0x00010000, Volume: 0x0100, Matrix: unity,
		NextTrackID: tracks[len(tracks)-1].id + 1,
	}
	if wide(created, uint64(duration)) {
		box.Version = 1
		box.CreationTimeV1, box.ModificationTimeV1, box.DurationV1 = created, created, uint64(duration)
	} else {
		box.CreationTimeV0, box.ModificationTimeV0, box.DurationV0 = uint32(created), uint32(created), uint32(duration)
	}
	w.Marshal(box)
}

// movieDuration is when the last track ends, movie ticks.
func movieDuration(tracks []track) (longest int64) {
	for i := range tracks {
		longest = max(longest, tracks[i].movieDuration())
	}
	return longest
}

// macTime is seconds since 1904.
func macTime(utc int64) uint64 {
	if utc <= 0 {
		return 0
	}
	return uint64(utc/1e9) + macEpoch
}
