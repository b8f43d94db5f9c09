package rtp

import (
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// PicturePayload joins the pictures of a codec without NAL units from RTP payloads. The caller passes no empty payload,
// and no further payload of a picture after an error or a loss.
type PicturePayload interface {
	// unpack adds the part of a picture in a payload to the open element of u. It opens the element if the payload
	// begins a picture. An error means that the picture cannot be read.
	unpack(u *ingest.Unit, payload []byte) error
	// end closes the open element of u, if all of the picture has been added.
	end(u *ingest.Unit)
	// joins reports whether a payload continues a picture that began before it.
	joins(payload []byte) bool
}

// pictures returns the Config of a codec whose key frames describe the track.
func (f *Format) pictures(of media.Codec, p PicturePayload) Config {
	return Config{Clock: f.Clock, Pictures: p, Track: ingest.TrackConfig{Codec: of, Timescale: VideoClockHz}}
}

// plainPayload implements PicturePayload for access units whose parts are the payloads, without headers.
type plainPayload struct {
	begins func(payload []byte) bool // reports whether an access unit begins with the payload
}

func (pl *plainPayload) unpack(u *ingest.Unit, p []byte) error {
	if !u.Open() {
		if !pl.begins(p) { // the packets before were lost
			return errFragment
		}
		u.Begin()
	}
	u.Add(p...)
	return nil
}

func (pl *plainPayload) end(u *ingest.Unit) {
	if u.Open() {
		u.End()
	}
}

func (pl *plainPayload) joins(p []byte) bool { return !pl.begins(p) }

// picturePacket takes a packet of pictures without NAL units. A picture of which a packet is lost or cannot be read is
// left out.
func (t *Track) picturePacket(p *rtp.Packet, ticks int64, gap bool, at time.Time) error {
	began := t.units
	if err := t.open(ticks, gap, at); err != nil {
		return err
	}
	if t.units > began {
		t.broken = false
	} else if gap {
		t.broken = true
	}
	if !t.broken && t.pictures.unpack(t.unit, p.Payload) != nil {
		t.broken = true
		t.unit.Interrupt()
	}
	t.bound(at)
	if p.Marker {
		t.marked++
		return t.finish()
	}
	return nil
}
