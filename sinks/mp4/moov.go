package mp4

import (
	"math"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// ftypOurs is the beginning of the ftyp of every file that spool writes, from the box type on.
const ftypOurs = "ftypisom\x00\x00\x02\x00isomiso6mp41mp42"

// ftypRoomBytes is at least the size of an ftyp.
const ftypRoomBytes = 64

// writeFtyp appends the ftyp, which is valid for the growing and the finished file. It ends with
// the brand of the first track whose codec has one.
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

// writeGrowingMoov appends the moov of a growing file, and returns the offsets in w of the
// place of mehd and of the catalogue entry:
//
//	moov
//	  mvhd      duration 0
//	  trak*     with empty tables
//	  mvex      free(20) in the place of mehd, trex*
//	  uuid      the catalogue entry
func writeGrowingMoov(w *isobmff.Writer, tracks []track, e *entry) (mehdAt, entryAt int) {
	moov := w.Open("moov")
	created := isobmff.ToMovieTime(e.identity.StartUTC)
	mvhd := movieHeader(tracks, created)
	mvhd.Long = true // its duration is written when the file is finished
	w.Mvhd(&mvhd)
	for i := range tracks {
		tracks[i].writeTrak(w, created, described(tracks, i, false), false)
	}
	mvex := w.Open("mvex")
	mehdAt = len(w.B)
	w.Free(isobmff.MehdBytes)
	for i := range tracks {
		w.Trex(&isobmff.Trex{
			TrackID: tracks[i].id, Description: 1,
			SampleDefaults: isobmff.SampleDefaults{Flags: isobmff.DefaultFlags(tracks[i].kind)},
		})
	}
	w.Close(mvex)
	entryAt = len(w.B)
	e.write(w, moov)
	w.Close(moov)
	return mehdAt, entryAt
}

// writeFinalMoov appends the moov of an ordinary MP4 file. It leaves out tracks without
// samples.
func writeFinalMoov(w *isobmff.Writer, tracks []track, e *entry) {
	moov := w.Open("moov")
	created := isobmff.ToMovieTime(e.identity.StartUTC)
	mvhd := movieHeader(tracks, created)
	mvhd.DurationTicks = uint64(movieDurationTicks(tracks))
	w.Mvhd(&mvhd)
	for i := range tracks {
		if tracks[i].table.Count > 0 {
			tracks[i].writeTrak(w, created, described(tracks, i, true), true)
		}
	}
	e.write(w, moov)
	w.Close(moov)
}

// described returns the ID of the track that track i of metadata describes: the lead track. It returns 0 if track i is
// no metadata, or the lead track is metadata, too. With begun, it also does if the lead track has no samples.
func described(tracks []track, i int, begun bool) uint32 {
	lead := &tracks[leadIndex(tracks)]
	if tracks[i].kind != media.Metadata || lead.kind == media.Metadata || begun && lead.table.Count == 0 {
		return 0
	}
	return lead.id
}

// leadIndex returns the index of the lead track.
func leadIndex(tracks []track) int {
	return media.LeadOf(len(tracks), func(i int) media.Kind { return tracks[i].kind })
}

// endMetadata makes the last sample of each track of metadata beside the lead track last until the end of that track.
func endMetadata(tracks []track) {
	lead := &tracks[leadIndex(tracks)]
	if lead.kind == media.Metadata || lead.table.Count == 0 {
		return
	}
	end := lead.presentedTicks() + lead.table.ShownTicks()
	for i := range tracks {
		if t := &tracks[i]; t.kind == media.Metadata && t.table.Count > 0 {
			at := media.Rescale(end, lead.timescale, t.timescale)
			t.table.EndTicks = max(t.table.LastTicks+1, min(at, t.table.LastTicks+math.MaxUint32))
		}
	}
}

func movieHeader(tracks []track, created uint64) isobmff.MovieHeader {
	return isobmff.MovieHeader{CreatedSeconds: created, Timescale: movieTimescale, NextTrackID: tracks[len(tracks)-1].id + 1}
}

// movieDurationTicks returns the duration of the movie in movie ticks: the end of the track that
// ends last.
func movieDurationTicks(tracks []track) (longest int64) {
	for i := range tracks {
		longest = max(longest, tracks[i].movieDurationTicks())
	}
	return longest
}
