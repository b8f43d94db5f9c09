package webrtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// publication is the media of a client that publishes. Each track has a goroutine of its own; mu serialises them.
type publication struct {
	host
	pub    *hub.Publisher
	tracks []*received
	zero   time.Time     // when the publication was made; times since it are steady
	begun  atomic.Int64  // of run, ns since zero
	opened chan struct{} // closed when packets are taken
	heard  atomic.Int64  // arrival of the newest packet, ns since zero; 0: none has come

	mu     sync.Mutex // guards the fields below, and the rtp.Track of each track
	feed   *ingest.Feed
	closed bool
}

// host has what a publication needs of the server or the pull that it belongs to.
type host struct {
	clock            pipeline.Clock
	log, strangers   *slog.Logger  // strangers: for events that any client can cause
	readTimeout      time.Duration // of a publisher whose stream has none of its own; 0: none
	keyFrameInterval time.Duration // a key frame is requested this often; 0: only after a loss
	minSegment       time.Duration // Settings.MinSegment
	read             func(bytes int)
	left             error // the reason when the other side closes the connection
	publish          func(hub.PublishOptions) (*hub.Publisher, error)
}

// received is a track that the client sends.
type received struct {
	mid   string // of its section
	video bool
	rtp   *rtp.Track

	ssrc    atomic.Uint32 // of its packets; 0: none has come
	askedAt time.Time     // newest request for a key frame; used by publication.run alone
	losses  uint64        // of the track at that time
}

// reorderWait is how long packets are held until those before them arrive. A lost packet is requested several times within
// it: losing one is worse than a delay of the others.
const reorderWait = 2 * time.Second

// choose returns the format of a section in which the client is to send, or nil and the names of the codecs that cannot be
// recorded. A codec that is not empty is the only choice. inOrder chooses the first format, otherwise the best codec is chosen.
func (s *section) choose(o rtp.Options, only string, inOrder bool) (best *offered, config rtp.Config, unfit []string) {
	for i := range s.formats {
		f := &s.formats[i]
		c, err := f.Config(o)
		switch {
		case f.Companion():
		case err != nil || f.single(c.Track.Codec) || !f.OfKind(s.kind):
			unfit = append(unfit, cmp.Or(f.Name, "unnamed"))
		case (only == "" || f.Name == only) && (best == nil || !inOrder && rank(c.Track.Codec) < rank(config.Track.Codec)):
			best, config = f, c
		}
	}
	return best, config, slices.Compact(unfit)
}

// publish claims a path for the tracks of an offer. It returns the codecs that the session may use.
func (s *Server) publish(p *peer, o *offer) (*publication, []codecParameters, error) {
	var codecs []codecParameters
	var configs []rtp.Config
	var left []string
	b := newPublication(host{
		clock: s.Clock, log: s.Log.With("stream", p.path, "remote", p.remote), strangers: s.strangers,
		readTimeout: s.ReadTimeout.D(), keyFrameInterval: s.KeyFrameInterval.D(), minSegment: s.MinSegment.D(),
		read: p.client.Read, left: errLeft,
		publish: func(o hub.PublishOptions) (*hub.Publisher, error) {
			name, _, _ := net.SplitHostPort(p.remote)
			o.Origin, o.Override, o.Client = protocol+" "+p.remote, s.OverridePublisher, hub.Client{User: p.user, Host: name}
			return s.Hub.Publish(p.path, o)
		},
	})
	codecOf := map[string]string{} // of each kind
	sending, named := 0, true
	for i := range o.sections {
		section := &o.sections[i]
		if !section.sends() {
			continue
		}
		if section.simulcast {
			return nil, nil, &ingest.Refusal{Status: http.StatusUnsupportedMediaType, Reason: "the offer has several sizes of one picture (simulcast): offer one"}
		}
		sending++
		named = named && section.named
		f, config, unfit := section.choose(rtp.Options{KeepG711: s.Hub.KeepsG711(p.path)}, codecOf[section.kind], false)
		if f == nil {
			left = append(left, strings.Join(unfit, ", "))
			continue
		}
		if codecOf[section.kind] == "" {
			codecOf[section.kind] = f.Name
			codecs = append(codecs, codecsOf(section.kind, f)...)
		}
		configs = append(configs, b.add(section, config))
	}
	if len(b.tracks) == 0 {
		return nil, nil, &ingest.Refusal{Status: http.StatusUnsupportedMediaType, Reason: fmt.Sprintf("the offer has no track that can be recorded (%s); %s", strings.Join(left, "; "), rtp.Recordable)}
	}
	if sending > 1 && !named {
		return nil, nil, &ingest.Refusal{Status: http.StatusUnsupportedMediaType, Reason: "of several tracks each needs the attribute ssrc: else packets could not be told apart"}
	}
	return b, codecs, b.begin(p, configs, left)
}

func newPublication(h host) *publication {
	return &publication{host: h, zero: h.clock.Now(), opened: make(chan struct{})}
}

// add adds a track for a section, and returns its configuration.
func (b *publication) add(s *section, c rtp.Config) rtp.Config {
	c.Datagrams, c.Wait, c.Track.MinSegment = true, reorderWait, b.minSegment
	b.tracks = append(b.tracks, &received{mid: s.mid, video: s.kind == "video"})
	return c
}

// begin begins the publication.
func (b *publication) begin(p *peer, configs []rtp.Config, left []string) (err error) {
	b.pub, err = b.publish(hub.PublishOptions{
		Silence: b.silence, GiveUp: func(end func()) { b.finish(); end(); p.end(hub.ErrReplaced) },
	})
	if err != nil {
		return err
	}
	if err := b.addTracks(p, configs); err != nil {
		b.close(err)
		return err
	}
	for _, name := range left {
		b.strangers.Warn("a track is not recorded: its codec is not supported; "+rtp.Recordable, "stream", p.path, "remote", p.remote, "codec", name)
	}
	b.pub.LeaveOut(left)
	return nil
}

// addTracks adds the tracks to a feed. Another publisher may take the path meanwhile.
func (b *publication) addTracks(p *peer, configs []rtp.Config) (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return hub.ErrReplaced
	}
	b.feed = ingest.NewFeed(b.pub, b.log)
	b.feed.Time(b.pub.Timing())
	for i, config := range configs {
		if b.tracks[i].rtp, err = rtp.Add(b.feed, config); err != nil {
			return &ingest.Refusal{Status: http.StatusUnsupportedMediaType, Reason: fmt.Sprintf("a track cannot be recorded: %v", err)}
		}
	}
	close(b.opened)
	return nil
}

// negotiate makes the tracks of the connection known to the publication. The connection takes the offered sections by itself.
func (b *publication) negotiate(p *peer) error {
	p.pc.OnTrack(func(remote *pion.TrackRemote, receiver *pion.RTPReceiver) {
		t := b.track(p.pc, receiver)
		if t == nil || !t.ssrc.CompareAndSwap(0, uint32(remote.SSRC())) {
			return // a section that was not chosen, or a further source of it
		}
		select {
		case <-b.opened:
		case <-p.live.Done():
			return
		}
		p.tasks.Go("webrtc track", func(context.Context) error { return b.packets(p, t, remote) })
		p.tasks.Go("webrtc reports", func(context.Context) error { b.reports(t, receiver); return nil })
	})
	return nil
}

// track returns the track of a receiver, or nil.
func (b *publication) track(pc *pion.PeerConnection, receiver *pion.RTPReceiver) *received {
	for _, tr := range pc.GetTransceivers() {
		if tr.Receiver() != receiver {
			continue
		}
		for _, t := range b.tracks {
			if t.mid == tr.Mid() || tr.Mid() == "" && len(b.tracks) == 1 { // pion gives no name to a track without a=ssrc
				return t
			}
		}
	}
	return nil
}

// maxPacketBytes is longer than any packet that fits into a frame of Ethernet.
const maxPacketBytes = 1600

// packets passes the packets of a track to its feed until the connection is closed. A panic ends the session alone.
func (b *publication) packets(p *peer, t *received, remote *pion.TrackRemote) error {
	defer p.end(b.left)
	buf := make([]byte, maxPacketBytes)
	var packet pionrtp.Packet
	for {
		n, _, err := remote.Read(buf)
		if err != nil {
			return nil // the connection is closed
		}
		b.read(n)
		if err := packet.Unmarshal(buf[:n]); err != nil {
			b.pub.Lost(media.DropRTPMalformed, 1)
			continue
		}
		if err := b.take(t, &packet); err != nil {
			p.end(err)
			return nil
		}
	}
}

func (b *publication) take(t *received, packet *pionrtp.Packet) error {
	now := b.clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return b.left
	}
	b.heard.Store(max(int64(now.Sub(b.zero)), 1))
	return t.rtp.Packet(packet, now)
}

// reports passes the sender reports of a track to its feed until the connection is closed.
func (b *publication) reports(t *received, receiver *pion.RTPReceiver) {
	for {
		all, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		b.mu.Lock()
		for _, report := range all {
			if !b.closed {
				t.rtp.RTCP(report)
			}
		}
		b.mu.Unlock()
	}
}

// lookEvery is how often a publication looks for silence, losses, and due requests for key frames.
const lookEvery = 250 * time.Millisecond

// errSilent is the reason for the end of a publication without media.
var errSilent = errors.New("the publisher sends no data")

// run requests key frames, and ends the session if no media comes.
func (b *publication) run(p *peer) {
	b.begun.Store(int64(b.age()))
	for {
		next, stop := b.clock.After(lookEvery)
		select {
		case <-p.live.Done():
		case <-b.pub.Done():
			p.end(hub.ErrReplaced)
		case <-next:
			b.look(p)
		}
		stop()
		if p.live.Err() != nil {
			return
		}
	}
}

func (b *publication) look(p *peer) {
	now := b.clock.Now()
	silence := b.age() - time.Duration(max(b.heard.Load(), b.begun.Load()))
	if limit := cmp.Or(b.pub.Timing().ReadTimeout, b.readTimeout); limit > 0 && silence > limit {
		p.end(errSilent)
		return
	}
	for _, t := range b.tracks {
		if ssrc := t.ssrc.Load(); t.video && ssrc != 0 && b.needsKeyFrame(t, now) {
			_ = p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
		}
	}
}

// needsKeyFrame reports whether a key frame of a track is to be requested, and records the request.
func (b *publication) needsKeyFrame(t *received, now time.Time) bool {
	b.mu.Lock()
	losses := t.rtp.Losses()
	b.mu.Unlock()
	every := b.keyFrameInterval
	if losses == t.losses && (every == 0 || now.Sub(t.askedAt) < every) {
		return false
	}
	t.askedAt, t.losses = now, losses
	return true
}

// silence returns the time since the newest packet, or hub.NotBegun: see hub.PublishOptions.
func (b *publication) silence() time.Duration {
	heard := b.heard.Load()
	if heard == 0 {
		return hub.NotBegun
	}
	return b.age() - time.Duration(heard)
}

// age returns the time since zero.
func (b *publication) age() time.Duration { return b.clock.Now().Sub(b.zero) }

// finish writes what the tracks still hold to the publisher. From then on packets are ignored.
func (b *publication) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for _, t := range b.tracks {
		if t.rtp != nil {
			t.rtp.Close()
		}
	}
	if b.feed != nil {
		b.feed.Close()
	}
}

func (b *publication) close(why error) {
	if b.pub == nil {
		return
	}
	b.finish()
	switch {
	case errors.Is(why, errStopped):
		b.pub.Close(endcause.Shutdown)
	case errors.Is(why, errLeft), errors.Is(why, errHungUp):
		b.pub.Close(endcause.SourceLost)
	default: // the browser may come back
		b.pub.Disconnect(endcause.SourceLost)
	}
}
