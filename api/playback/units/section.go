package units

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
)

// section is the open recording of a clip.
type section struct {
	clip.Clip
	recording *clip.Recording
	leave     func()
	set       *media.TrackSet
	tracks    []track // as those of set
	placed    bool    // units are read
}

// track is a track of a section that is read.
type track struct {
	number int            // in the recording
	next   int64          // number of the sample behind head
	end    int64          // number of the sample at which reading ends
	cursor *clip.Cursor   // at next; nil: not opened
	head   isobmff.Sample // the next sample to send
	some   bool           // head is set

	jumps  bool  // head does not follow the track's previous unit
	lastNS int64 // presentation time of the newest unit, for Span.IntervalNS
	sent   bool  // lastNS is set
}

// describe sets the tracks of a section to those whose codecs are known.
func (s *section) describe() error {
	var tracks []media.Track
	refused := errors.New("it has no track with samples")
	for i := range s.recording.Tracks {
		t := &s.recording.Tracks[i]
		described, err := codec.ReadSampleEntry(append(make([]byte, 8), t.Entry...), t.Timescale)
		if err == nil {
			err = described.Validate()
		}
		if err != nil || t.Samples == 0 {
			refused = err
			continue
		}
		tracks = append(tracks, described)
		s.tracks = append(s.tracks, track{number: i})
	}
	if len(tracks) == 0 {
		return fmt.Errorf("no track can be played: %w", refused)
	}
	var err error
	s.set, err = media.NewTrackSet(1, tracks)
	return err
}

// Close closes the recording.
func (s *section) Close() error {
	s.leave()
	return s.recording.Close()
}

// mediaEnd returns the time of the media, ns, up to which the section will not change.
func (s *section) mediaEnd() (ns int64, err error) {
	if s.Growing {
		return s.recording.Settled()
	}
	for i := range s.recording.Tracks {
		t := &s.recording.Tracks[i]
		ns = max(ns, t.NS(t.EndTicks))
	}
	return ns, nil
}

// endUTC returns the wall clock of mediaEnd.
func (s *section) endUTC() (int64, error) {
	ns, err := s.mediaEnd()
	return s.UTC(ns), err
}

// bounds returns the times of the media between which the units of a span lie, ns.
func (s *section) bounds(fromUTC, toUTC int64) (fromNS, toNS int64) {
	fromNS, toNS = within(s.FromNS), within(s.ToNS)
	if fromUTC > footage.Oldest {
		fromNS = max(fromNS, s.Media(fromUTC))
	}
	if toUTC < footage.Newest {
		toNS = min(toNS, s.Media(toUTC))
	}
	return fromNS, toNS
}

// place places the tracks so that their units are read from one time of the media up to another one. Other tracks than the lead one
// begin with it.
func (s *section) place(fromNS, toNS int64) error {
	if fromNS >= toNS {
		return nil
	}
	s.placed = true
	lead := &s.tracks[s.set.Lead()]
	if err := s.recording.Mended(func() error { return s.span(lead, fromNS, toNS) }); err != nil {
		return err
	}
	if fromNS > 0 && lead.next < lead.end {
		first, err := s.recording.Sample(lead.number, lead.next)
		if err != nil {
			return err
		}
		fromNS = media.ToNanos(first.DTS+int64(first.OffsetTicks), s.scale(lead))
	}
	for i := range s.tracks {
		if t := &s.tracks[i]; t != lead {
			if err := s.span(t, fromNS, toNS); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *section) scale(t *track) uint32 { return s.recording.Tracks[t.number].Timescale }

func (s *section) span(t *track, fromNS, toNS int64) (err error) {
	scale := s.scale(t)
	t.next, t.end, err = s.recording.Range(t.number, media.FromNanos(fromNS, scale), media.FromNanos(toNS, scale))
	t.cursor = nil
	return err
}

// read reads the next sample of a track into its head. The track has one.
func (s *section) read(t *track) error {
	if t.cursor == nil {
		t.cursor = s.recording.Samples(t.number, t.next, t.end)
	}
	ok, err := t.cursor.Next(&t.head)
	if err == nil && !ok {
		err = fmt.Errorf("track %d has no sample %d", t.number, t.next)
	}
	t.next++
	return err
}

// first returns the track whose head is decoded first, or nil.
func (s *section) first() (first *track) {
	at := int64(0)
	for i := range s.tracks {
		t := &s.tracks[i]
		if !t.some {
			continue
		}
		if ns := media.ToNanos(t.head.DTS, s.scale(t)); first == nil || ns < at {
			first, at = t, ns
		}
	}
	return first
}

// unit describes a sample of a track.
func (s *section) unit(u *footage.Unit, t *track, x *isobmff.Sample) {
	pts := x.DTS + int64(x.OffsetTicks)
	*u = footage.Unit{
		Set: s.set, Track: s.index(t), DTS: x.DTS, PTS: pts, DurationTicks: x.DurationTicks,
		UTC: s.UTC(media.ToNanos(pts, s.scale(t))), BeginUTC: s.UTC(0), SizeBytes: int(x.SizeBytes), Sync: x.Sync,
	}
}

func (s *section) index(t *track) int {
	for i := range s.tracks {
		if &s.tracks[i] == t {
			return i
		}
	}
	return 0
}
