package cmaf

import (
	"strings"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// movieTimescale is the timescale of mvhd and tkhd, whose durations are 0.
const movieTimescale = 1000

// Init describes the tracks of a number of parts. It is immutable.
type Init struct {
	Number        uint64 // consecutive in the life of a packager; a later packager of the stream has higher numbers
	Bytes         []byte // ftyp and moov
	Codecs        []string
	Width, Height int // of the pictures, pixels; 0 without pictures

	set    *media.TrackSet
	tracks []track
	lead   int // index in tracks
}

// track is one track of an Init.
type track struct {
	from  int    // index in the track set
	id    uint32 // track_ID
	flags uint32 // default sample flags
	stsd  []byte // the whole box
	roll  int16  // roll_distance of the roll group of the samples; 0: no roll group
	width uint32 // shown width, 16.16 fixed point
}

// Len returns the number of tracks, and Lead the index of the one whose key frames begin the parts.
func (i *Init) Len() int  { return len(i.tracks) }
func (i *Init) Lead() int { return i.lead }

// Track returns the description of a track.
func (i *Init) Track(track int) *media.Track { return &i.set.Tracks[i.tracks[track].from] }

// MIME returns the media type with its codecs parameter (RFC 6381).
func (i *Init) MIME() string {
	kind := "video"
	if i.Width == 0 {
		kind = "audio"
	}
	return kind + `/mp4; codecs="` + strings.Join(i.Codecs, ",") + `"`
}

// newInit describes those tracks of a set that players know, or returns nil if there are none.
func newInit(number uint64, set *media.TrackSet) *Init {
	out := &Init{Number: number, set: set, lead: -1}
	for i := range set.Tracks {
		t := &set.Tracks[i]
		known := codec.Of(t.Codec)
		if t.Kind() == media.Metadata || known == nil || known.MIME == nil || known.FrameBytes != nil {
			continue // no browser plays uncompressed sound in MP4
		}
		one, err := newTrack(uint32(len(out.tracks)+1), t)
		if err != nil {
			continue // a sample entry of ours cannot describe it
		}
		one.from = i
		if i == set.Lead() {
			out.lead = len(out.tracks)
		}
		if t.Kind() == media.Video && out.Width == 0 {
			out.Width, out.Height = t.Width, t.Height
		}
		out.tracks, out.Codecs = append(out.tracks, one), append(out.Codecs, known.MIME(t))
	}
	if out.lead < 0 { // the parts begin at key frames of the lead track
		return nil
	}
	out.write()
	return out
}

func newTrack(id uint32, t *media.Track) (track, error) {
	var stsd isobmff.Writer
	aspect, err := codec.WriteSampleEntry(&stsd, t)
	if err != nil {
		return track{}, err
	}
	out := track{id: id, flags: isobmff.DefaultFlags(t.Kind()), stsd: stsd.B, roll: codec.Of(t.Codec).RollDistance}
	if t.Kind() == media.Video {
		out.width = aspect.ShownWidth(t.Width)
	}
	return out, nil
}

// write writes the ftyp and the moov. Durations are 0, because the movie has no end.
func (i *Init) write() {
	var w isobmff.Writer
	ftyp := w.Open("ftyp")
	w.AppendString("iso6\x00\x00\x02\x00iso6cmfcmp41")
	w.Close(ftyp)
	moov := w.Open("moov")
	w.Mvhd(&isobmff.MovieHeader{Timescale: movieTimescale, NextTrackID: uint32(len(i.tracks) + 1)})
	for k := range i.tracks {
		i.tracks[k].write(&w, &i.set.Tracks[i.tracks[k].from])
	}
	mvex := w.Open("mvex")
	for k := range i.tracks {
		w.Trex(&isobmff.Trex{TrackID: i.tracks[k].id, Description: 1, SampleDefaults: isobmff.SampleDefaults{Flags: i.tracks[k].flags}})
	}
	w.Close(mvex)
	w.Close(moov)
	i.Bytes = w.B
}

func (t *track) write(w *isobmff.Writer, of *media.Track) {
	trak := w.Open("trak")
	head := isobmff.TrackHeader{ID: t.id, Width: t.width, Height: uint32(of.Height) << 16}
	if of.Kind() == media.Audio {
		head.AlternateGroup, head.Volume = 1, 0x0100
	}
	w.Tkhd(&head)
	mdia := w.Open("mdia")
	w.Mdhd(&isobmff.MediaHeader{Timescale: of.Timescale, Language: of.Language})
	minf := w.OpenMinf(isobmff.HandlerOf(of.Kind()))
	stbl := w.Open("stbl")
	w.Append(t.stsd)
	w.NoSamples()
	if t.roll != 0 {
		w.RollDescription(t.roll)
	}
	w.Close(stbl)
	w.Close(minf)
	w.Close(mdia)
	w.Close(trak)
}
