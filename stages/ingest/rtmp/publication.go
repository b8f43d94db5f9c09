package rtmp

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtmp/flv"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

// publication turns the messages of one stream into units of a feed, for a client of the server and for the puller.
type publication struct {
	log      *slog.Logger
	clock    pipeline.Clock
	keepG711 bool         // G.711 is recorded as it is sent
	zero     time.Time    // when the publication was made; times since it are steady
	heardNS  atomic.Int64 // arrival of the newest message with media, ns since zero; 0: none has come

	mu     sync.Mutex // guards the fields below
	pub    *hub.Publisher
	feed   *ingest.Feed
	closed bool
	reader flv.Reader
	times  unwrapper
	tracks []*track
	added  int // tracks that the feed has got
	late   lateTracks
	left   []string // codecs that are not recorded
	open   opening
	warned bool // a malformed message has been logged
}

func newPublication(log *slog.Logger, clock pipeline.Clock) *publication {
	return &publication{log: log, clock: clock, zero: clock.Now()}
}

// begin gives the publication its publisher. Another publisher may have taken the path already.
func (p *publication) begin(pub *hub.Publisher) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pub, p.feed = pub, ingest.NewFeed(pub, p.log)
	p.feed.Time(pub.Timing())
	if p.closed {
		p.feed.Close()
	}
}

// timing returns the timing settings of the stream.
func (p *publication) timing() hub.Timing { return p.pub.Timing() }

// heard records that media arrived.
func (p *publication) heard(now time.Time) { p.heardNS.Store(max(int64(now.Sub(p.zero)), 1)) }

// silence returns the time since the newest message, or hub.NotBegun: see hub.PublishOptions.
func (p *publication) silence() time.Duration {
	heard := p.heardNS.Load()
	if heard == 0 {
		return hub.NotBegun
	}
	return p.clock.Now().Sub(p.zero) - time.Duration(heard)
}

// grow counts memory of messages that are not finished: see wire.Conn.Count.
func (p *publication) grow(bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed || p.feed.Grow(bytes)
}

// message takes a message that arrived at now, and keeps no reference to it. An error ends the publication.
func (p *publication) message(m *wire.Message, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return hub.ErrReplaced
	}
	var err error
	switch m.Type {
	case wire.TypeAudio, wire.TypeVideo:
		err = p.take(m.Type == wire.TypeVideo, m.TimeMS, m.Body, now)
	case wire.TypeAggregate:
		err = flv.Aggregate(m.TimeMS, m.Body, func(kind uint8, timeMS uint32, body []byte) error {
			if kind != wire.TypeAudio && kind != wire.TypeVideo {
				return nil
			}
			return p.take(kind == wire.TypeVideo, timeMS, body, now)
		})
		if err != nil && !p.fatal(err) {
			p.malformed(err)
			err = nil
		}
	default:
		p.open.announce(m.Metadata())
	}
	if err == nil {
		err = p.feed.Err()
	}
	return err
}

// fatal reports whether an error ends the publication.
func (p *publication) fatal(err error) bool {
	return p.feed.Err() != nil || errors.As(err, &unrecordable{}) || errors.Is(err, errManyTracks) || errors.Is(err, errOpening)
}

// malformed counts a message that contradicts its format, and logs the first one.
func (p *publication) malformed(err error) {
	p.pub.Lost(media.DropMessageMalformed, 1)
	if !p.warned {
		p.warned = true
		p.log.Warn("a message of the publisher cannot be read, and is left out; further ones are only counted", "error", err)
	}
}

// take takes a message with sound or pictures. While the publication does not know its tracks, it holds the messages back.
func (p *publication) take(video bool, timeMS uint32, body []byte, now time.Time) error {
	ms := p.times.next(timeMS)
	if p.open.done {
		return p.divide(video, ms, body, now, p.packet)
	}
	p.open.packets, p.open.frame = false, false
	if err := p.divide(video, ms, body, now, func(_ *track, k *flv.Packet, _ int64, _ time.Time) error {
		p.open.seen(video, k.Kind)
		return nil
	}); err != nil {
		return err
	}
	if !p.open.packets {
		return nil
	}
	if err := p.open.hold(p.feed, video, ms, body, now); err != nil {
		return err
	}
	if p.open.full() || p.open.frame && p.open.ready() {
		return p.start()
	}
	return nil
}

// divide passes the packets of a message, each with its track, to each. It leaves out those of codecs that are not
// recorded, and those before their track can be described.
func (p *publication) divide(video bool, ms int64, body []byte, now time.Time, each func(*track, *flv.Packet, int64, time.Time) error) error {
	read := p.reader.Audio
	if video {
		read = p.reader.Video
	}
	packets, fault := read(body)
	for i := range packets {
		k := &packets[i]
		if k.Kind == flv.Other {
			continue
		}
		if k.Kind == flv.Config && len(k.Data) > maxConfigBytes {
			fault = errLargeConfig
			continue
		}
		p.open.packets = true
		t, err := p.track(video, k)
		if err != nil {
			return err
		}
		if t == nil {
			if p.leaves(video, k) && !p.open.done {
				p.open.seen(video, k.Kind)
			}
			continue
		}
		if err := each(t, k, ms, now); err != nil {
			return err
		}
	}
	if fault != nil && (p.open.done || !p.open.packets) { // a message that is held comes here again
		p.malformed(fault)
	}
	return nil
}

// packet passes a packet to its track.
func (p *publication) packet(t *track, k *flv.Packet, ms int64, now time.Time) error {
	if k.Key && k.Kind == flv.Frame && len(p.late.packets) > 0 {
		if err := p.beginLate(); err != nil {
			return err
		}
	}
	mono := ingest.Mono(now)
	t.to.Hear(mono)
	err := t.packet(k, ms, now)
	if err != nil && p.feed.Err() == nil {
		p.malformed(err)
		t.to.MissingBefore(1, media.DropMessageMalformed)
		err = nil
	}
	p.feed.Look(now)
	return err
}

// begun reports whether a frame has come.
func (p *publication) begun() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open.begun
}

// unrecordable is the error of a stream without a track that can be recorded.
type unrecordable struct{ error }

// start ends the opening, and passes the messages on that it has held back.
func (p *publication) start() error {
	p.open.done = true
	if len(p.tracks) == 0 {
		left := cmp.Or(strings.Join(p.left, ", "), "no message describes one")
		return unrecordable{fmt.Errorf("none of the tracks can be recorded: %s; %s", left, recordable)}
	}
	for _, h := range p.open.held {
		if err := p.divide(h.video, h.ms, h.body, h.arrived, p.packet); err != nil {
			return err
		}
	}
	p.open.release(p.feed)
	return nil
}

// leaves reports whether the codec of a packet is not recorded. It logs the codec once, and lists it with the stream.
func (p *publication) leaves(video bool, k *flv.Packet) bool {
	if formOf(video, k.Codec) != nil {
		return false
	}
	p.leaveOut(nameOf(video, k.Codec))
	return true
}

// leaveOut lists a codec with the stream as not recorded, and logs it.
func (p *publication) leaveOut(name string) {
	if slices.Contains(p.left, name) || len(p.left) == maxTracks {
		return
	}
	p.left = append(p.left, name)
	p.log.Warn("a track is not recorded: its codec is not supported; "+recordable, "codec", name)
	p.pub.LeaveOut(slices.Clone(p.left))
}

// finish writes what the feed still holds to the publisher. From then on messages are ignored.
func (p *publication) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if p.feed != nil {
		if !p.open.done && len(p.tracks) > 0 {
			_ = p.start() // the publication ends anyway
		}
		p.feed.Close()
	}
	p.closed = true
}

// close ends the publication.
func (p *publication) close(why error) {
	p.finish()
	switch {
	case errors.Is(why, errStopped):
		p.pub.Close(endcause.Shutdown)
	case errors.Is(why, errFailed):
		p.pub.Close(endcause.Error)
	case errors.Is(why, errLeft), errors.Is(why, errSilent): // without a goodbye: the client may come back
		p.pub.Disconnect(endcause.SourceLost)
	default:
		p.pub.Close(endcause.SourceLost)
	}
}
