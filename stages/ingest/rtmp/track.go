package rtmp

import (
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtmp/flv"
)

// track is one track of a publication.
type track struct {
	of     *publication
	to     *ingest.Track
	form   *form
	video  bool
	number uint8
	sound  flv.Sound // of a form with bySound
	clock  trackClock
	unpacker
}

// unpacker turns the packets of one codec into units of its track.
type unpacker interface {
	// config takes a decoder configuration.
	config(t *track, data []byte) error
	// frame takes an access unit, or several of sound, of a message with a time in ns. It reports how its data contradicts
	// the format, or that the publisher has ended.
	frame(t *track, k *flv.Packet, ns int64, now time.Time) error
}

// opener has what an unpacker needs at the beginning of a track, and takes the track's configuration.
type opener struct {
	keepG711 bool
	track    ingest.TrackConfig // with the codec of the form
}

// videoTimescale is fine enough for the ns that Enhanced RTMP adds to times in ms.
const videoTimescale = 90000

// The bounds of tracks.
const (
	maxTracks  = 32 // that a publication may have one after another: each change of a codec is a new one
	tracksOnce = 16 // at once
)

var errManyTracks = fmt.Errorf("more than %d tracks at once, or %d in all: the encoder changes its codecs too often", tracksOnce, maxTracks)

// unfit is the error of an opener for a form of a codec that is not recorded. Its text is the name for users.
type unfit struct{ error }

// track returns the track of a packet, and makes it if the packet describes it. It returns nil if there is none yet, or if
// its codec is not recorded. Its error ends the publication.
func (p *publication) track(video bool, k *flv.Packet) (*track, error) {
	f := formOf(video, k.Codec)
	if f == nil {
		return nil, nil
	}
	at := -1
	for i, t := range p.tracks {
		if t.video == video && t.number == k.Track {
			if t.form == f && (!f.bySound || t.sound == k.Sound) {
				return t, nil
			}
			at = i
		}
	}
	if p.open.done && !video && p.shows() {
		p.late.put(k)
		p.pub.Lost(media.DropNoKeyFrame, 1)
		return nil, nil
	}
	t, err := p.add(f, video, k)
	if t == nil || err != nil {
		return nil, err
	}
	p.replace(at, t)
	return t, nil
}

// replace puts a track in the place of another one, or adds it if at is negative.
func (p *publication) replace(at int, t *track) {
	if at < 0 {
		p.tracks = append(p.tracks, t)
		return
	}
	p.tracks[at].to.Leave()
	p.tracks[at] = t
}

// add adds a track to the feed, if the packet describes it.
func (p *publication) add(f *form, video bool, k *flv.Packet) (*track, error) {
	o := opener{keepG711: p.keepG711, track: ingest.TrackConfig{Codec: f.codec, Timescale: videoTimescale}}
	u, err := f.open(&o, k)
	if u == nil || err != nil {
		if none := (unfit{}); errors.As(err, &none) {
			p.leaveOut(none.Error())
		} else if err != nil && p.open.done {
			p.malformed(err)
		}
		return nil, nil
	}
	if p.added++; p.added > maxTracks || len(p.tracks) == tracksOnce {
		return nil, errManyTracks
	}
	to, err := p.feed.AddTrack(o.track)
	if err != nil {
		p.malformed(err)
		return nil, nil
	}
	to.Report(0, 0) // all tracks have one clock
	return &track{of: p, to: to, form: f, video: video, number: k.Track, sound: k.Sound, clock: trackClock{timescale: o.track.Timescale}, unpacker: u}, nil
}

// packet takes a packet of a message with a time in ms.
func (t *track) packet(k *flv.Packet, ms int64, now time.Time) error {
	if k.Kind == flv.Config {
		return t.config(t, k.Data)
	}
	if k.Composed && t.form.composed {
		if err := k.Compose(); err != nil {
			return err
		}
	}
	if len(k.Data) == 0 { // some senders end a track so
		return nil
	}
	return t.frame(t, k, ms*int64(time.Millisecond)+int64(k.NanoNS), now)
}

// picture returns a unit for the picture of a packet, with its times.
func (t *track) picture(k *flv.Packet, ns int64, now time.Time) *ingest.Unit {
	u := t.of.feed.Take()
	u.Arrived(now)
	shown := media.FromNanos(ns, videoTimescale) + int64(k.CompositionMS)*(videoTimescale/1000)
	dts, nudged := t.clock.picture(ns)
	u.DTS, u.PTS = dts, shown
	if nudged {
		t.to.Repaired(ingest.RepairedTime, 1)
		if k.CompositionMS >= 0 {
			u.PTS = max(shown, dts)
		}
	}
	return u
}

// heard passes a frame of sound to the feed. It has so many samples of a channel at a rate; 0 samples are unknown.
func (t *track) heard(frame []byte, ns int64, samples, rate int, now time.Time) error {
	u := t.of.feed.Take()
	u.Arrived(now)
	u.DurationTicks = media.Rescale(int64(samples), uint32(rate), t.clock.timescale)
	at, nudged := t.clock.sound(ns, u.DurationTicks)
	if nudged {
		t.to.Repaired(ingest.RepairedTime, 1)
	}
	u.DTS, u.PTS = at, at
	u.Put(frame)
	return t.to.Unit(u)
}
