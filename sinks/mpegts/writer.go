package mpegts

import (
	"fmt"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// writer passes the units of chunks to a muxer.
type writer struct {
	mux    *mpegts.Muxer
	set    *media.TrackSet // of the newest chunk
	tracks []track

	begun    bool
	shift    int64 // ticks that are added to the times of set
	firstUTC int64 // wall clock of the first chunk less its steps, ns
	unit     mpegts.Unit
	pieces   [][]byte
	joined   []byte // memory of a unit that lies in several blocks
}

// track is the place of a track in the current chunk, and its times.
type track struct {
	timescale  uint32
	back       int64 // ticks by which decoding times are earlier than in the chunks, at most 0
	lastTicks  int64 // newest decoding time, without shift
	any        bool
	next, from int // index of the next unit, and its first byte
}

// at90k returns a time in ticks of 90 kHz.
func at90k(ticks int64, timescale uint32) int64 { return media.Rescale(ticks, timescale, mpegts.Clock) }

// write writes the units of a chunk that has some, by their decoding times.
func (w *writer) write(c *media.Chunk) error {
	if c.Set != w.set {
		if err := w.begin(c); err != nil {
			return err
		}
	}
	for i := range w.tracks {
		w.tracks[i].next, w.tracks[i].from = 0, 0
	}
	for {
		i := w.earliest(c)
		if i < 0 {
			return nil
		}
		if err := w.put(c, i); err != nil {
			return fmt.Errorf("track %d (%s %s): %w", i+1, c.Set.Tracks[i].Kind(), c.Set.Tracks[i].Codec, err)
		}
	}
}

// begin sets the tracks of the stream to those of a chunk. The first unit is decoded at mpegts.Begin; those of a later
// track set follow by the wall clock.
func (w *writer) begin(c *media.Chunk) error {
	set := c.Set
	list := make([]mpegts.Track, len(set.Tracks))
	for i := range set.Tracks {
		t := &set.Tracks[i]
		form, err := mpegts.FormOf(t)
		if err != nil {
			return fmt.Errorf("track %d is %s %s: %w; %s can be written: choose another kind of file, or leave the track out", i+1, t.Kind(), t.Codec, err, mpegts.Carried)
		}
		list[i] = mpegts.Track{Form: form, Kind: t.Kind(), Language: t.Language}
	}
	if err := w.mux.SetTracks(list); err != nil {
		return err
	}
	w.set, w.tracks = set, make([]track, len(set.Tracks))
	for i := range w.tracks {
		w.tracks[i] = track{timescale: set.Tracks[i].Timescale}
	}
	first, least := w.bounds(c)
	utc := c.UTC - c.SteppedNS
	if !w.begun {
		w.begun, w.firstUTC = true, utc
	}
	w.shift = mpegts.Begin - first - least + media.FromNanos(max(utc-w.firstUTC, 0), mpegts.Clock)
	return nil
}

// bounds returns the earliest decoding time of a chunk's units, and the least difference of a presentation time and its
// decoding time, at most 0, both in ticks of 90 kHz. It sets the latter for each track.
func (w *writer) bounds(c *media.Chunk) (first, least int64) {
	found := false
	for i := range w.tracks {
		t, col := &w.tracks[i], &c.Tracks[i]
		for k, dts := range col.DTS {
			t.back = min(t.back, at90k(dts+int64(col.OffsetTicks[k]), t.timescale)-at90k(dts, t.timescale))
		}
		least = min(least, t.back)
		if col.Len() > 0 {
			if at := at90k(col.DTS[0], t.timescale); !found || at < first {
				found, first = true, at
			}
		}
	}
	return first, least
}

// earliest returns the index of the track whose next unit is decoded first, or -1 if no unit is left.
func (w *writer) earliest(c *media.Chunk) int {
	track, first := -1, int64(0)
	for i := range w.tracks {
		t, col := &w.tracks[i], &c.Tracks[i]
		if t.next < col.Len() {
			if at := at90k(col.DTS[t.next], t.timescale); track < 0 || at < first {
				track, first = i, at
			}
		}
	}
	return track
}

// put writes the next unit of a track.
func (w *writer) put(c *media.Chunk, i int) error {
	t, col := &w.tracks[i], &c.Tracks[i]
	k, size := t.next, int(col.SizeBytes[t.next])
	w.pieces = col.Payload.Slices(w.pieces[:0], t.from, size)
	t.next, t.from = k+1, t.from+size
	data := w.joined[:0]
	if len(w.pieces) == 1 {
		data = w.pieces[0]
	} else {
		for _, p := range w.pieces {
			data = append(data, p...)
		}
		w.joined = data
	}
	dts, pts := t.times(col.DTS[k], int64(col.OffsetTicks[k]))
	w.unit = mpegts.Unit{DTS: w.shift + dts, PTS: w.shift + pts, Sync: col.Flags[k]&media.FlagSync != 0, Data: data}
	err := w.mux.Write(i, &w.unit)
	w.unit.Data = nil
	return err
}

// times returns the times of the next unit, in ticks of 90 kHz without the shift. Decoding times increase, and are not
// after the presentation times, as far as both is possible.
func (t *track) times(ticks, offsetTicks int64) (dts, pts int64) {
	pts = at90k(ticks+offsetTicks, t.timescale)
	dts = min(at90k(ticks, t.timescale)+t.back, pts)
	if t.any && dts <= t.lastTicks {
		dts = t.lastTicks + 1
	}
	t.any, t.lastTicks = true, dts
	return dts, pts
}
