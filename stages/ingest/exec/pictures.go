package exec

import (
	"time"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// pictures takes a byte stream (Annex B). It has no times: those of the pictures are of their arrival.
type pictures struct {
	o      *output
	stream byteStream
	pub    *hub.Publisher // nil: not open
	feed   *ingest.Feed
	track  *ingest.Track
	zero   time.Time    // of the times
	at     time.Time    // arrival of the current data
	unit   *ingest.Unit // picture whose next NAL unit may come; nil: none
	sliced bool         // unit has a slice
	syntax *nalunit.Syntax
}

// timescale is the number of ticks a second of the pictures' times.
const timescale = 90000

func (p *pictures) data(b []byte, at time.Time) error {
	p.at = at
	tooLong, err := p.stream.write(b, p.nal)
	if tooLong > 0 && p.pub != nil {
		p.track.Lost(media.DropTooLarge, tooLong)
	}
	return err
}

// pass passes the held picture to the track.
func (p *pictures) pass() error {
	u := p.unit
	if u == nil {
		return nil
	}
	p.unit, p.sliced = nil, false
	return p.track.Unit(u)
}

// nal takes a NAL unit.
func (p *pictures) nal(nal []byte) error {
	if p.pub == nil {
		if err := p.begin(nal); err != nil || p.pub == nil {
			return err
		}
	}
	slice := isSlice(p.syntax, nal)
	if p.sliced && p.syntax.StartsPicture(nal) {
		if err := p.pass(); err != nil {
			return err
		}
	}
	if p.unit == nil {
		p.unit = p.feed.Take()
		p.unit.Arrived(p.at)
		p.unit.PTS = media.FromNanos(p.at.Sub(p.zero).Nanoseconds(), timescale)
		p.unit.DTS = p.unit.PTS
	}
	p.unit.Put(nal)
	p.sliced = p.sliced || slice
	return nil
}

func isSlice(s *nalunit.Syntax, nal []byte) bool {
	role := s.Role(nal)
	return role == nalunit.RolePicture || role == nalunit.RoleKey
}

// begin opens the publication at the first NAL unit that shows the codec.
func (p *pictures) begin(nal []byte) error {
	c, ok := byteStreamCodec(nal)
	if !ok {
		return nil
	}
	pub, err := p.o.publish()
	if err != nil {
		return err
	}
	p.pub, p.zero, p.syntax = pub, p.at, codec.Of(c).NAL
	p.feed = ingest.NewFeed(pub, p.o.p.Log)
	p.feed.Time(pub.Timing())
	p.track, err = p.feed.AddTrack(ingest.TrackConfig{Codec: c, Timescale: timescale, DeriveDTS: true})
	return err
}

func (p *pictures) publisher() *hub.Publisher { return p.pub }

func (p *pictures) close() {
	if p.track == nil {
		return
	}
	_ = p.stream.flush(p.nal) // the errors are that the publisher has ended
	_ = p.pass()
	p.feed.Close()
	p.pub.Disconnect(endcause.SourceLost)
}
