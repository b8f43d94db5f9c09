package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/egress/rtp"
	"github.com/gospool/spool/stages/egress/rtsp"
)

// Player plays footage to one client. Play and Run are not called at once; Close may be called at any time.
type Player struct {
	show    *Show
	client  *clients.Client
	clock   pipeline.Clock
	tracks  []rtsp.Track  // that were set up
	senders []*rtp.Sender // by track of the description; nil: not set up

	request Request // the newest one
	span    footage.Span
	reader  footage.Reader // nil before the first Play
	unit    footage.Unit   // the next one to send, if some is set
	some    bool
	atUTC   int64 // of the newest unit that was sent, or of the first one

	set    *media.TrackSet // of the newest unit
	routes []int           // by track of set: that of the description, or -1
	jumped []bool          // by track of the description: it continues at another place
	times  timeline
	frames rtp.Frames
	out    live.Unit

	mu      sync.Mutex // guards the fields below
	running bool
	closed  bool
}

// Errors of Player.
var (
	ErrEnded       = errors.New("the footage, or the range of it, has ended")
	ErrOtherTracks = errors.New("the footage has other tracks there: describe it with a start there")
	errClosed      = errors.New("the client has left")
)

// batchBytes is about how much a Player sends at once.
const batchBytes = 64 << 10

// NewPlayer returns a player for a client that has set up tracks of a show. The caller closes it.
func NewPlayer(s *Show, client *clients.Client, tracks []rtsp.Track, clock pipeline.Clock) *Player {
	return &Player{show: s, client: client, clock: clock, tracks: tracks, senders: s.Senders(tracks), jumped: make([]bool, len(s.Set.Tracks))}
}

// Play prepares what a request asks for. Without a range the player goes on where it is, or begins with the begin of what was
// described. With an error nothing has changed: it is ErrRange, ErrOtherTracks, or that of the library.
func (p *Player) Play(ctx context.Context, q Request) (Answer, error) {
	if !p.acquire() {
		return Answer{}, errClosed
	}
	defer p.yield()
	q = p.adjusted(q)
	if p.reader == nil || q.Ranged || q.Speed != p.request.Speed {
		if err := p.jump(ctx, q); err != nil {
			return Answer{}, err
		}
	}
	p.request = q
	for _, s := range p.senders {
		if s != nil {
			s.Untimed(q.Speed.Unpaced)
		}
	}
	return p.answer(), nil
}

// adjusted returns a request with what is played instead of what the tracks do not allow, and with the present speed if it only goes on.
func (p *Player) adjusted(q Request) Request {
	if !q.Scaled && !q.Ranged && p.reader != nil {
		q.Speed = p.request.Speed
	}
	if p.senders[p.show.Set.Lead()] == nil || p.show.Set.Tracks[p.show.Set.Lead()].Kind() != media.Video {
		q.Speed = Speed{Thousandths: 1000, Unpaced: q.Speed.Unpaced} // sound alone
	}
	return q
}

// jump opens the span of a request. Packets that were not sent before go first: their numbers are before those of the answer.
func (p *Player) jump(ctx context.Context, q Request) error {
	if !q.Ranged && p.reader != nil { // another speed from here on
		q.Range.From = Moment{Given, p.atUTC}
		if p.span.Reverse == q.Speed.Reverse() && p.span.ToUTC != p.show.toUTC {
			q.Range.To = Moment{Given, p.span.ToUTC}
		}
	}
	span, err := p.show.span(&q)
	if err != nil {
		return err
	}
	reader := p.show.library.Open(p.show.stream, span)
	var u footage.Unit
	if err = reader.Next(ctx, &u); errors.Is(err, io.EOF) {
		err = ErrRange
	} else {
		err = ofLibrary(err)
	}
	var routes []int
	if err == nil {
		routes, err = p.route(u.Set)
	}
	if err != nil {
		return errors.Join(err, reader.Close())
	}
	if p.reader != nil {
		if err := p.reader.Close(); err != nil {
			return errors.Join(err, reader.Close())
		}
	}
	p.reader, p.span, p.unit, p.some, p.atUTC = reader, span, u, true, u.UTC
	for i := range p.jumped {
		p.jumped[i] = true
	}
	p.enter(u.Set, routes)
	p.times.jump(&u, q.Speed, span.SyncOnly)
	return nil
}

// route returns the track of the description for each track of a recording. The error is ErrOtherTracks if the lead track has none.
func (p *Player) route(set *media.TrackSet) ([]int, error) {
	routes := make([]int, len(set.Tracks))
	taken := make([]bool, len(p.show.Set.Tracks))
	for i := range set.Tracks {
		routes[i] = -1
		for k := range p.show.Set.Tracks {
			if !taken[k] && rtp.Fits(&p.show.Set.Tracks[k], &set.Tracks[i]) {
				routes[i], taken[k] = k, true
				break
			}
		}
	}
	if lead := p.show.Set.Lead(); !taken[lead] {
		return nil, ErrOtherTracks
	}
	return routes, nil
}

// enter continues with the tracks of another recording.
func (p *Player) enter(set *media.TrackSet, routes []int) {
	p.set, p.routes = set, routes
	for i, k := range routes {
		if k >= 0 && p.senders[k] != nil {
			p.senders[k].Begin(&set.Tracks[i], 0)
		}
	}
}

// Run sends units until ctx ends, or an error. The error is ErrEnded behind the last unit, ErrOtherTracks, that of Outlet.Send or of the
// library, or context.Cause(ctx). Another Run continues, unless Play has prepared something else.
func (p *Player) Run(ctx context.Context, out rtsp.Outlet) error {
	if !p.acquire() {
		return errClosed
	}
	defer p.yield()
	p.times.start(p.clock.Now(), &p.unit)
	for {
		err := p.step(ctx, out)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			p.leave(out)
			return err
		}
	}
}

// Ended reports whether an error of Run is an end of the footage: the client may play another place.
func Ended(err error) bool { return errors.Is(err, ErrEnded) || errors.Is(err, ErrOtherTracks) }

// Unpaced reports whether the client decides how fast it takes the units. Then it may take none for Patience.
func (p *Player) Unpaced() bool { return p.request.Speed.Unpaced }

// Patience is the time for which a client may take nothing that is not paced.
const Patience = 10 * time.Minute

// step sends the next unit, when its time has come.
func (p *Player) step(ctx context.Context, out rtsp.Outlet) error {
	if !p.some {
		if err := p.read(ctx); err != nil {
			return err
		}
	}
	if !p.request.Speed.Unpaced {
		if err := p.await(ctx, out); err != nil {
			return err
		}
	}
	if err := p.add(); err != nil {
		return err
	}
	if len(p.frames.Bytes()) < batchBytes {
		return nil
	}
	return p.send(ctx, out)
}

// read reads the next unit.
func (p *Player) read(ctx context.Context) error {
	err := p.reader.Next(ctx, &p.unit)
	if errors.Is(err, io.EOF) {
		return ErrEnded
	}
	if err != nil {
		return err
	}
	if p.unit.Set != p.set {
		routes, err := p.route(p.unit.Set)
		if err != nil {
			return err
		}
		p.enter(p.unit.Set, routes)
	}
	p.some = true
	p.times.next(&p.unit)
	return nil
}

// await waits until the next unit is due. It sends what was not sent before it waits.
func (p *Player) await(ctx context.Context, out rtsp.Outlet) error {
	due := p.times.untilDue(p.clock.Now(), &p.unit)
	if due <= 0 {
		return nil
	}
	if err := p.send(ctx, out); err != nil {
		return err
	}
	if !pipeline.Sleep(ctx, p.clock, due, nil) {
		return context.Cause(ctx)
	}
	return nil
}

// add appends the packets of the next unit.
func (p *Player) add() error {
	u := &p.unit
	p.some = false
	k := p.routes[u.Track]
	if k < 0 || p.senders[k] == nil || !p.wanted(u) {
		return nil
	}
	payload, err := p.reader.Payload()
	if err != nil {
		return fmt.Errorf("the recording cannot be read: %w", err)
	}
	track := &u.Set.Tracks[u.Track]
	p.atUTC = u.UTC
	if p.request.Speed.Frames == Predicted && !u.Ends && !u.Last && rtp.Disposable(track, payload) {
		return nil
	}
	s := p.senders[k]
	if p.request.Marked {
		s.Mark(rtp.Mark{UTC: u.UTC, Sync: u.Sync, Ends: u.Ends, Jumps: u.Jumps || p.jumped[k], Last: u.Last, CSeq: p.request.CSeq})
	}
	p.jumped[k] = false
	p.out = live.Unit{Set: u.Set, Track: u.Track, DTS: u.DTS, PTS: p.times.sent(u), UTC: p.times.utc(u), Sync: u.Sync}
	p.out.SetPayload(payload)
	s.Unit(&p.frames, &p.out)
	if n := s.LeftOut(); n > 0 {
		p.client.Skipped(n)
	}
	return nil
}

// wanted reports whether a track is played at the present speed: sound is at that of the recording alone.
func (p *Player) wanted(u *footage.Unit) bool {
	return p.request.Speed.Thousandths == 1000 || u.Set.Tracks[u.Track].Kind() != media.Audio
}

// send sends the packets. If ctx ends before, they are kept for the next Run.
func (p *Player) send(ctx context.Context, out rtsp.Outlet) error {
	if p.frames.Len() == 0 {
		return nil
	}
	err := out.Send(&p.frames)
	if err == nil || ctx.Err() == nil {
		p.frames.Reset()
	}
	return err
}

// leave tells the client that the tracks end, behind the packets that were not sent. An error means that it has left.
func (p *Player) leave(out rtsp.Outlet) {
	for _, s := range p.senders {
		if s != nil {
			s.Leave(&p.frames)
		}
	}
	_ = out.Send(&p.frames)
	p.frames.Reset()
}

// acquire reports whether the player may be used until yield.
func (p *Player) acquire() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = !p.closed
	return p.running
}

func (p *Player) yield() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
	p.free()
}

// Close closes the files, once Run has returned.
func (p *Player) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.free()
}

// free closes the reader of a closed player. The caller holds the lock.
func (p *Player) free() {
	if p.closed && !p.running && p.reader != nil {
		_ = p.reader.Close() // of files that were only read
		p.reader = nil
	}
}
