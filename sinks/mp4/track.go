package mp4

import (
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	samples "github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// movieTimescale is the timescale of the movie, which mvhd, tkhd and edit lists use: movie ticks
// a second. It is finer than the usual 1000, so that durations are not rounded to milliseconds.
const movieTimescale = 90000

// track describes one track of a file, as its trak box does. It is built from a media.Track when
// a file is begun and from the growing moov in recovery, so that the same code finishes both.
type track struct {
	id        uint32
	kind      media.Kind
	timescale uint32
	language  string // ISO 639-2/T
	width     uint32 // presentation width in pixels, 16.16 fixed point
	height    uint32 // presentation height in pixels, 16.16 fixed point
	stsd      []byte // the complete box
	roll      int16  // roll_distance of the track's roll group (14496-12, 10.1); 0: no roll group
	info      media.TrackInfo

	// mediaTimeTicks is the media_time of the edit list in the growing moov: the composition
	// offset of the first sample. It keeps the reordering of B-frames from shifting the track
	// against other tracks.
	mediaTimeTicks int64
	// shiftTicks is added to a DTS of a chunk to get the decode time in the file.
	shiftTicks int64
	begun      bool  // the file has a sample of the track
	lastTicks  int64 // decode time of the last sample

	table   isobmff.TableBuilder
	scratch media.Columns // the samples of the fragment that a scan read last; reused for the next
}

func newTrack(id uint32, t *media.Track, info media.TrackInfo) (track, error) {
	out := track{
		id: id, kind: t.Kind(), timescale: t.Timescale, language: t.Language, info: info,
	}
	var w isobmff.Writer
	aspect, err := codec.WriteSampleEntry(&w, t)
	if err != nil {
		return track{}, fmt.Errorf("track %d (%s): sample entry: %w", id, t.Codec, err)
	}
	out.stsd, out.roll = w.B, codec.Of(t.Codec).RollDistance
	if out.kind == media.Video {
		out.width = aspect.ShownWidth(t.Width)
		out.height = uint32(t.Height) << 16
	}
	return out, nil
}

// place sets mediaTimeTicks and shiftTicks of the tracks of set. Time 0 of the file becomes the
// presentation time of the earliest sample among the tracks' first samples in the first chunk. Metadata beside other tracks does not count, because
// it may be late.
func place(tracks []track, set *media.TrackSet, first *media.Chunk) {
	zero, scale := int64(0), uint32(0)
	for i := range first.Tracks {
		c := &first.Tracks[i]
		if c.Len() == 0 || set.Aside(i) {
			continue
		}
		pts, own := c.DTS[0]+int64(c.OffsetTicks[0]), set.Tracks[i].Timescale
		if scale == 0 || pts < media.Rescale(zero, scale, own) {
			zero, scale = pts, own
		}
	}
	for i := range tracks {
		t := &tracks[i]
		t.mediaTimeTicks = 0
		if c := &first.Tracks[i]; c.Len() > 0 {
			t.mediaTimeTicks = max(int64(c.OffsetTicks[0]), 0)
		}
		t.shiftTicks = t.mediaTimeTicks - media.Rescale(zero, scale, t.timescale)
	}
}

// admit returns the samples of a chunk that can follow the track's last sample in the file, and
// the number of samples that it drops before them: samples with an earlier decode time, which a
// sender repeats, and samples from before the file's start. The view shares the memory of c. Metadata
// is often late: admit drops none of its samples, and moves them to the next possible time.
func (t *track) admit(c *media.Columns) (view media.Columns, dropped int) {
	if t.kind == media.Metadata {
		return t.admitAll(c), 0
	}
	k, skip := 0, 0
	for k < c.Len() && (c.DTS[k]+t.shiftTicks < 0 || t.begun && c.DTS[k]+t.shiftTicks <= t.lastTicks) {
		skip += int(c.SizeBytes[k])
		k++
	}
	if k == 0 {
		return *c, 0
	}
	return media.Columns{
		DTS: c.DTS[k:], OffsetTicks: c.OffsetTicks[k:], SizeBytes: c.SizeBytes[k:], Flags: c.Flags[k:],
		EndTicks: c.EndTicks, Payload: c.Payload.From(skip),
	}, k
}

// admitAll returns the samples of a chunk, with later times if they are from before the file's start or not after the
// track's last sample. See admit.
func (t *track) admitAll(c *media.Columns) media.Columns {
	least := -t.shiftTicks
	if t.begun {
		least = t.lastTicks + 1 - t.shiftTicks
	}
	if c.Len() == 0 || c.DTS[0] >= least {
		return *c
	}
	view := *c
	view.DTS = slices.Clone(c.DTS)
	for i, dts := range view.DTS {
		view.DTS[i] = max(dts, least)
		least = view.DTS[i] + 1
	}
	view.EndTicks = max(c.EndTicks, least)
	return view
}

// presentedTicks returns the presentation time of the track's first sample, counted from time 0 of
// the file. It is negative if the sample is presented before time 0.
func (t *track) presentedTicks() int64 {
	return t.table.FirstTicks + t.table.FirstOffsetTicks - t.mediaTimeTicks
}

// writeTrak appends the track's trak box. If final is set, its sample tables and durations are
// complete. Otherwise, for a growing file, they are empty, since the fragments have the samples.
// created is the creation time, in seconds of the movie's clock (isobmff.ToMovieTime).
// describes is the ID of the track that this track of metadata describes, or 0.
func (t *track) writeTrak(w *isobmff.Writer, created uint64, describes uint32, final bool) {
	trak := w.Open("trak")
	t.writeTkhd(w, created, final)
	t.writeEdits(w, final)
	if describes != 0 {
		w.Describes(describes)
	}
	mdia := w.Open("mdia")
	t.writeMdhd(w, created, final)
	minf := w.OpenMinf(isobmff.HandlerOf(t.kind))
	t.writeStbl(w, final)
	w.Close(minf)
	w.Close(mdia)
	w.Close(trak)
}

func (t *track) writeTkhd(w *isobmff.Writer, created uint64, final bool) {
	h := isobmff.TrackHeader{CreatedSeconds: created, ID: t.id, Width: t.width, Height: t.height}
	if t.kind == media.Audio {
		h.AlternateGroup, h.Volume = 1, 0x0100
	}
	if final {
		h.DurationTicks = uint64(t.movieDurationTicks())
	}
	w.Tkhd(&h)
}

func (t *track) writeMdhd(w *isobmff.Writer, created uint64, final bool) {
	h := isobmff.MediaHeader{CreatedSeconds: created, Timescale: t.timescale, Language: t.language}
	if final {
		h.DurationTicks = uint64(t.table.DurationTicks())
	}
	w.Mdhd(&h)
}

func (t *track) writeStbl(w *isobmff.Writer, final bool) {
	stbl := w.Open("stbl")
	w.B = append(w.B, t.stsd...)
	if final {
		t.table.Write(w)
	} else {
		w.NoSamples()
	}
	if t.roll != 0 {
		w.RollDescription(t.roll)
		if final {
			w.RollSamples(uint32(t.table.Count))
		}
	}
	w.Close(stbl)
}

// writeEdits appends the edit list that places the track's first sample on the movie's time
// line. If final is set, the list is that of the final moov, with the duration of the track;
// otherwise it is that of the growing moov and lasts for all fragments. writeEdits appends
// nothing if the track begins at time 0 with a composition offset of 0.
func (t *track) writeEdits(w *isobmff.Writer, final bool) {
	var edits []isobmff.Edit
	switch {
	case !final && t.mediaTimeTicks != 0:
		edits = []isobmff.Edit{{DurationTicks: 0, MediaTicks: t.mediaTimeTicks}} // 0: the edit lasts for all fragments
	case final:
		start := t.presentedTicks()
		if start > 0 {
			edits = append(edits, isobmff.Edit{DurationTicks: uint64(media.Rescale(start, t.timescale, movieTimescale)), MediaTicks: -1})
		}
		from := t.table.FirstOffsetTicks + max(-start, 0)
		if from != 0 || len(edits) > 0 {
			edits = append(edits, isobmff.Edit{DurationTicks: uint64(t.movieDurationTicks() - t.movieStartTicks()), MediaTicks: from})
		}
	}
	if len(edits) == 0 {
		return
	}
	edts := w.Open("edts")
	w.Elst(edits)
	w.Close(edts)
}

// indexed returns the track's description in the sample index of the file.
func (t *track) indexed() samples.Track {
	handler, _ := isobmff.HandlerOf(t.kind)
	return samples.Track{ID: t.id, Timescale: t.timescale, Handler: isobmff.FourCC([]byte(handler))}
}

// movieShiftTicks returns the ticks to add to the decode time of a sample to get its time in the
// movie, as the edit list of the finished file defines it. fragments reports that the finished
// file is fragmented, and has the edit list of the growing moov.
func (t *track) movieShiftTicks(fragments bool) int64 {
	if fragments {
		return -t.mediaTimeTicks
	}
	start := t.presentedTicks()
	shift := -t.table.FirstTicks - t.table.FirstOffsetTicks
	if start <= 0 {
		return shift + start
	}
	return shift + media.Rescale(t.movieStartTicks(), movieTimescale, t.timescale)
}

// movieStartTicks returns the time in the movie at which the track begins, in movie ticks.
func (t *track) movieStartTicks() int64 {
	return media.Rescale(max(t.presentedTicks(), 0), t.timescale, movieTimescale)
}

// movieDurationTicks returns the time in the movie at which the track ends, in movie ticks; 0
// without samples. It converts the absolute time, so that no rounding errors add up.
func (t *track) movieDurationTicks() int64 {
	if t.table.Count == 0 {
		return 0
	}
	return media.Rescale(t.presentedTicks()+t.table.ShownTicks(), t.timescale, movieTimescale)
}
