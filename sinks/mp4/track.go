package mp4

import (
	"fmt"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	samples "github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// movieTimescale is the timescale of mvhd, tkhd and edit lists: fine enough that durations are
// not rounded to milliseconds.
const movieTimescale = 90000

// track describes one track of a file, as the moov does. It is built from a media.Track when a
// file is begun and from the growing moov in recovery, so that both use the same finalising code.
type track struct {
	id        uint32
	kind      media.Kind
	timescale uint32
	language  string // ISO 639-2/T
	width     uint32 // presentation width, 16.16 fixed point
	height    uint32
	stsd      []byte // the complete box
	roll      int16  // roll_distance of every sample; 0: a decoder can start at a sync sample
	info      media.TrackInfo

	// mediaTimeTicks is the media_time of the edit list while the file grows, ticks: the
	// composition offset of the first sample, which keeps B-frame reordering from
	// shifting the track against the others.
	mediaTimeTicks int64
	// shiftTicks is added to a chunk's DTS to get the file's decode time, ticks.
	shiftTicks int64
	begun      bool
	lastTicks  int64 // ticks, decode time of the last sample

	table   isobmff.TableBuilder
	scratch media.Columns // of a scan
}

func newTrack(id uint32, t *media.Track, info media.TrackInfo) (track, error) {
	out := track{
		id: id, kind: t.Kind(), timescale: t.Timescale, language: t.Language, info: info,
	}
	if len(out.language) != 3 {
		out.language = "und"
	}
	var w isobmff.Writer
	aspect, err := codec.WriteSampleEntry(&w, t)
	if err != nil {
		return track{}, fmt.Errorf("track %d (%s): sample entry: %w", id, t.Codec, err)
	}
	out.stsd, out.roll = w.B, codec.Of(t.Codec).RollDistance
	if out.kind == media.Video {
		out.width = uint32(uint64(t.Width) << 16 * uint64(aspect.H) / uint64(aspect.V))
		out.height = uint32(t.Height) << 16
	}
	return out, nil
}

// place sets the file's time zero to the earliest first presentation time of the tracks in its
// first chunk. A track that starts later is placed relative to it.
func place(tracks []track, set *media.TrackSet, first *media.Chunk) {
	zero, scale := int64(0), uint32(0)
	for i := range first.Tracks {
		c := &first.Tracks[i]
		if c.Len() == 0 {
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

// admit returns the samples of a chunk that continue the track: all of them, unless a sender
// repeats samples or a late track reaches back to before the file. It returns the number of
// dropped samples.
func (t *track) admit(c *media.Columns) (view media.Columns, dropped int) {
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

// presentedTicks returns the presentation time of the first sample, ticks from the file's zero. It is
// negative if samples are presented before the first key frame.
func (t *track) presentedTicks() int64 {
	return t.table.FirstTicks + t.table.FirstOffsetTicks - t.mediaTimeTicks
}

// defaultFlags returns the sample flags of most samples of the track.
func (t *track) defaultFlags() uint32 {
	if t.kind == media.Video {
		return isobmff.NonSyncFlags
	}
	return isobmff.SyncFlags
}

// writeTrak appends a trak. In a growing file its tables are empty, since the fragments have the
// samples; in the final moov they are complete.
func (t *track) writeTrak(w *isobmff.Writer, created uint64, final bool) {
	trak := w.Open("trak")
	t.writeTkhd(w, created, final)
	t.writeEdits(w, final)
	mdia := w.Open("mdia")
	t.writeMdhd(w, created, final)
	w.Hdlr(t.handler())
	minf := w.Open("minf")
	if t.kind == media.Video {
		w.Vmhd()
	} else {
		w.Smhd()
	}
	w.Dinf()
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

// handler returns the track's handler type, and that handler's name (ISO/IEC 14496-12,
// 8.4.3).
func (t *track) handler() (fourcc, name string) {
	if t.kind == media.Audio {
		return "soun", "SoundHandler"
	}
	return "vide", "VideoHandler"
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
// line, if it needs one.
func (t *track) writeEdits(w *isobmff.Writer, final bool) {
	var edits []isobmff.Edit
	switch {
	case !final && t.mediaTimeTicks != 0:
		edits = []isobmff.Edit{{DurationTicks: 0, MediaTicks: t.mediaTimeTicks}} // 0: all fragments, also later ones
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

// indexed returns the track's description for the sample index.
func (t *track) indexed() samples.Track {
	handler, _ := t.handler()
	return samples.Track{ID: t.id, Timescale: t.timescale, Handler: isobmff.FourCC([]byte(handler))}
}

// movieShiftTicks returns the difference from the samples' decode times to movie times, ticks, as
// the edit list of the finished file defines it.
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

// movieStartTicks returns the begin of the track, movie ticks.
func (t *track) movieStartTicks() int64 {
	return media.Rescale(max(t.presentedTicks(), 0), t.timescale, movieTimescale)
}

// movieDurationTicks returns the end of the track, movie ticks. It converts the absolute time, so
// that nothing rounds twice.
func (t *track) movieDurationTicks() int64 {
	if t.table.Count == 0 {
		return 0
	}
	return media.Rescale(t.presentedTicks()+t.table.ShownTicks(), t.timescale, movieTimescale)
}
