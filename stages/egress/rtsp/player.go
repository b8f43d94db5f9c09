package rtsp

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluenviron/gortsplib/v5/pkg/description"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/egress/rtp"
	"github.com/gospool/spool/stages/hub"
)

// Outlet takes the packets of one client.
type Outlet interface {
	// Send sends the packets of frames. It blocks while the client takes none, and returns an error once the client is
	// given up.
	Send(frames *rtp.Frames) error
}

// Track is a section of a Description that a client has set up.
type Track struct {
	Section *description.Media
	SSRC    uint32 // of its packets, as the client was told
	Channel byte   // of its packets; that of its reports is the next one
}

// Player plays a stream to one client. One goroutine at a time uses it.
type Player struct {
	described *media.TrackSet
	client    *clients.Client
	outlet    Outlet // of the present Run

	senders []*rtp.Sender // by track of the set; nil: not set up
	frames  rtp.Frames
	set     *media.TrackSet // of the newest unit; nil before the first
	begun   bool
	inOrder []int64 // see InOrder: PTS of the newest unit, by track of the set; nil: not demanded
	zeroNS  int64   // steady wall clock of the first unit
	endNS   int64   // time of the newest unit since then
}

// Errors of Player.Run.
var (
	ErrOtherTracks = errors.New("the stream has other tracks now: play it again")
	ErrEnded       = errors.New("the live stream has ended")
	ErrReordered   = errors.New("the stream has B-frames, whose pictures are not sent in the order in which they are shown")
)

// batchBytes is about how much a Player sends at once.
const batchBytes = 64 << 10

// NewPlayer returns a player for a client that has set up tracks of a description.
func NewPlayer(d *Description, client *clients.Client, tracks []Track) *Player {
	return NewPlayerOf(d.Set, client, d.Senders(tracks))
}

// TrackOf returns the index in d.Set of the track of a section.
func (d *Description) TrackOf(section *description.Media) int {
	return d.tracks[slices.Index(d.Session.Medias, section)]
}

// Senders returns new senders by track of d.Set: of those that a client has set up, and nil of the others.
func (d *Description) Senders(tracks []Track) []*rtp.Sender {
	senders := make([]*rtp.Sender, len(d.Set.Tracks))
	for _, t := range tracks {
		i := d.TrackOf(t.Section)
		senders[i] = rtp.NewSender(&d.Set.Tracks[i], t.Section.Formats[0], t.SSRC, t.Channel, rand.Uint64())
	}
	return senders
}

// NewPlayerOf returns a player that sends the tracks of a set by senders, one for each track. A track whose sender is nil is
// not sent.
func NewPlayerOf(set *media.TrackSet, client *clients.Client, senders []*rtp.Sender) *Player {
	return &Player{described: set, client: client, senders: senders}
}

// InOrder makes Run return ErrReordered at a picture that is shown before one that was sent.
func (p *Player) InOrder() { p.inOrder = make([]int64, len(p.senders)) }

// Run sends the units of the tracks, beginning with a key frame, until ctx ends, or an error. The error is ErrOtherTracks,
// ErrEnded if the recorder shuts down, that of Outlet.Send, or context.Cause(ctx). Another Run continues the sequence numbers and
// the time line.
func (p *Player) Run(ctx context.Context, units *hub.Reader, out Outlet) error {
	p.outlet, p.set = out, nil
	p.frames.Reset()
	for {
		u, err := units.Take(ctx)
		for ; u != nil && err == nil; u, err = units.Poll() {
			if err = p.add(u); err != nil || len(p.frames.Bytes()) >= batchBytes {
				break
			}
		}
		if sent := p.send(); sent != nil {
			return sent
		}
		if errors.Is(err, live.ErrClosed) {
			err = ErrEnded
		}
		if err != nil {
			p.bye()
			return err
		}
	}
}

// add appends the packets of a unit.
func (p *Player) add(u *live.Unit) error {
	if u.Skipped > 0 && p.begun {
		p.client.Skipped(u.Skipped)
		p.each((*rtp.Sender).Skip)
	}
	if u.End != "" {
		p.set = nil
		return nil
	}
	if u.Set != p.set {
		if err := p.begin(u); err != nil {
			return err
		}
	}
	p.endNS = max(p.endNS, u.UTC-u.SteppedNS-p.zeroNS)
	s := p.senders[u.Track]
	if s == nil {
		return nil
	}
	if p.inOrder != nil {
		if u.PTS < p.inOrder[u.Track] {
			return ErrReordered
		}
		p.inOrder[u.Track] = u.PTS
	}
	s.Unit(&p.frames, u)
	if n := s.LeftOut(); n > 0 {
		p.client.Skipped(n)
	}
	return nil
}

// begin continues the time line by the wall clock with the units of another publisher.
func (p *Player) begin(u *live.Unit) error {
	if !slices.EqualFunc(p.described.Tracks, u.Set.Tracks, func(a, b media.Track) bool { return rtp.Fits(&a, &b) }) {
		return ErrOtherTracks
	}
	steadyNS := u.UTC - u.SteppedNS
	if !p.begun {
		p.begun, p.zeroNS = true, steadyNS
	}
	p.set = u.Set
	for i := range p.inOrder {
		p.inOrder[i] = math.MinInt64
	}
	at := max(steadyNS-p.zeroNS, p.endNS)
	shiftNS := at - media.ToNanos(u.PTS, u.Set.Tracks[u.Track].Timescale)
	for i, s := range p.senders {
		if s != nil {
			s.Begin(&u.Set.Tracks[i], shiftNS)
		}
	}
	return nil
}

func (p *Player) each(f func(*rtp.Sender)) {
	for _, s := range p.senders {
		if s != nil {
			f(s)
		}
	}
}

func (p *Player) send() error {
	if p.frames.Len() == 0 {
		return nil
	}
	err := p.outlet.Send(&p.frames)
	p.frames.Reset()
	return err
}

// bye tells the client that the stream ends. An error means that it has left.
func (p *Player) bye() {
	p.each(func(s *rtp.Sender) { s.Bye(&p.frames) })
	_ = p.send()
}
