package webrtc

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/egress"
	send "github.com/gospool/spool/stages/egress/rtp"
	play "github.com/gospool/spool/stages/egress/rtsp"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// reading is the media of a client that plays a stream.
type reading struct {
	of    *Server
	units *hub.Reader // keeps the stream connected until run reads it
	set   *media.TrackSet
	sent  []*sent // by track of the set; nil: not sent
	leave func()  // the gate
}

// read opens the stream of a path for the sections of an offer. It returns the codecs that the session may use.
func (s *Server) read(ctx context.Context, p *peer, o *offer) (*reading, []codecParameters, error) {
	if err := egress.Check(s.Hub, p.path); err != nil {
		return nil, nil, err
	}
	if err := s.Readers.Serves(protocol, p.path); err != nil {
		return nil, nil, err
	}
	leave, err := s.Readers.Enter(protocol, p.path)
	if err != nil {
		return nil, nil, err
	}
	units, err := s.Hub.Read(p.path, live.Options{})
	if err != nil {
		leave()
		return nil, nil, err
	}
	b := &reading{of: s, units: units, leave: leave}
	codecs, err := b.choose(ctx, p, o)
	if err != nil {
		b.close(err)
		return nil, nil, err
	}
	return b, codecs, nil
}

// choose chooses the formats of the tracks that are sent.
func (b *reading) choose(ctx context.Context, p *peer, o *offer) (codecs []codecParameters, err error) {
	if b.set, err = b.units.Tracks(ctx, egress.TracksWait); err != nil {
		return nil, err
	}
	taken := make([]bool, len(o.sections))
	if err := b.inOrder(ctx, p.path); err != nil {
		return nil, err
	}
	for i := range b.set.Tracks {
		t := &b.set.Tracks[i]
		one, reason := o.place(t, taken)
		b.sent = append(b.sent, one)
		if one == nil {
			p.left = append(p.left, reason)
			continue
		}
		codecs = append(codecs, codecsOf(t.Kind().String(), one.offered)...)
	}
	if len(codecs) == 0 {
		return nil, &ingest.Refusal{Status: http.StatusUnsupportedMediaType, Reason: "the client can play no track of the stream: " + strings.Join(p.left, "; ")}
	}
	if !p.client.Reads(p.path, p.user) {
		return nil, fmt.Errorf("%w: egress.max_readers", egress.ErrFull)
	}
	return codecs, nil
}

// A GOP with B-frames has one of them among its first pictures.
const (
	pictureSeen = 5
	pictureWait = time.Second
)

// inOrder returns a refusal if the pictures of a stream are sent in another order than they are shown: browsers drop most of them.
func (b *reading) inOrder(ctx context.Context, path string) error {
	units, err := b.of.Hub.Read(path, live.Options{})
	if err != nil {
		return err
	}
	defer units.Close()
	if !slices.ContainsFunc(b.set.Tracks, func(t media.Track) bool { return t.Kind() == media.Video }) {
		return nil
	}
	newest := slices.Repeat([]int64{math.MinInt64}, len(b.set.Tracks))
	late, stop := b.of.Clock.After(pictureWait)
	defer stop()
	for seen := 0; seen < pictureSeen; {
		u, err := units.Poll()
		switch {
		case err != nil:
			return err
		case u == nil:
			select {
			case <-units.Ready():
			case <-late:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		case u.Set != b.set || b.set.Tracks[u.Track].Kind() != media.Video:
		case u.PTS < newest[u.Track]:
			return &ingest.Refusal{Status: http.StatusUnsupportedMediaType, Reason: play.ErrReordered.Error() + ": browsers show few of them by WebRTC. Play it by HLS, or let the encoder make none"}
		default:
			newest[u.Track] = u.PTS
			seen++
		}
	}
	return nil
}

// place finds a section and a format of an offer for a track of a stream. If there is none, it says why.
func (o *offer) place(t *media.Track, taken []bool) (one *sent, reason string) {
	title := codec.Of(t.Codec).Title
	none := map[media.Kind]string{media.Video: "no picture: ", media.Audio: "no sound: "}[t.Kind()]
	if none == "" {
		return nil, "no metadata: " + title
	}
	reason = none + title
	for i := range o.sections {
		s := &o.sections[i]
		if taken[i] || !s.receives() || s.kind != t.Kind().String() {
			continue
		}
		for j := range s.formats {
			f := &s.formats[j]
			as := f.describe(t)
			if as != nil && f.carries(as) && !f.single(t.Codec) {
				taken[i] = true
				return &sent{id: fmt.Sprint(i), track: t, offered: f, format: as, bound: make(chan struct{})}, ""
			}
		}
	}
	return nil, reason
}

// describe returns the format in which a track may be sent, or nil if it is not sent at all.
func (f *offered) describe(t *media.Track) format.Format {
	as, err := send.DescribeCompressed(t, f.PayloadType == muLawType)
	if err != nil {
		as, err = send.Describe(t, f.PayloadType)
	}
	if err != nil {
		return nil
	}
	return as
}

// muLawType is the payload type of G.711 mu-law (RFC 3551, 6).
const muLawType = 0

// carries reports whether the format is one in which a track is sent.
func (f *offered) carries(as format.Format) bool {
	name, rest, _ := strings.Cut(as.RTPMap(), "/")
	var described offered
	described.ReadMap(name + "/" + rest)
	described.Complete("")
	return f.Name == described.Name && f.Clock == described.Clock && f.PayloadType == as.PayloadType()
}

// negotiate adds the tracks to the connection.
func (b *reading) negotiate(p *peer) error {
	for _, t := range b.sent {
		if t == nil {
			continue
		}
		tr, err := p.pc.AddTransceiverFromTrack(t, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionSendonly})
		if err != nil {
			return err
		}
		p.tasks.Go("webrtc feedback", func(context.Context) error { b.feedback(p, tr.Sender()); return nil })
	}
	return nil
}

// repeatPause is the pause after the answer to a request for a lost packet: it bounds what a client can make the server send.
const repeatPause = 500 * time.Microsecond

// feedback reads the reports of the client about a track, until the connection is closed. Requests for lost packets are answered
// within the reads.
func (b *reading) feedback(p *peer, sender *pion.RTPSender) {
	buf := make([]byte, maxPacketBytes)
	for {
		n, _, err := sender.Read(buf)
		if err != nil {
			return
		}
		requested := 0
		if reports, err := rtcp.Unmarshal(buf[:n]); err == nil {
			for _, r := range reports {
				if nack, is := r.(*rtcp.TransportLayerNack); is {
					for _, pair := range nack.Nacks {
						requested += 1 + bits.OnesCount16(uint16(pair.LostPackets))
					}
				}
			}
		}
		if requested > 0 && !pipeline.Sleep(p.live, b.of.Clock, time.Duration(requested)*repeatPause, nil) {
			return
		}
	}
}

// run plays until the session ends.
func (b *reading) run(p *peer) {
	b.of.Log.Info("reader plays", "stream", p.path, "remote", p.remote, "protocol", protocol)
	senders := make([]*send.Sender, len(b.sent))
	for i, t := range b.sent {
		if t == nil {
			continue
		}
		select {
		case <-t.bound:
		case <-p.live.Done():
			return
		}
		senders[i] = send.NewSender(t.track, t.format, t.ssrc, byte(2*i), rand.Uint64())
	}
	units, err := b.of.Hub.Read(p.path, live.Options{}) // that of the offer began some time ago
	if err != nil {
		p.end(err)
		return
	}
	defer units.Close()
	out := &outlet{peer: p, sent: b.sent}
	player := play.NewPlayerOf(b.set, p.client, senders)
	player.InOrder()
	p.end(player.Run(p.live, units, out))
}

func (b *reading) close(error) {
	b.units.Close()
	b.leave()
}

// sent is a track that the client receives. It implements pion.TrackLocal.
type sent struct {
	id      string
	track   *media.Track
	offered *offered
	format  format.Format

	bound  chan struct{} // closed when the fields below are set
	writer pion.TrackLocalWriter
	ssrc   uint32
}

// Bind, Unbind, ID, RID, StreamID and Kind implement pion.TrackLocal.
func (t *sent) Bind(c pion.TrackLocalContext) (pion.RTPCodecParameters, error) {
	for _, p := range c.CodecParameters() {
		if p.PayloadType == pion.PayloadType(t.offered.PayloadType) {
			t.writer, t.ssrc = c.WriteStream(), uint32(c.SSRC())
			close(t.bound)
			return p, nil
		}
	}
	return pion.RTPCodecParameters{}, pion.ErrUnsupportedCodec
}
func (t *sent) Unbind(pion.TrackLocalContext) error { return nil }
func (t *sent) ID() string                          { return t.id }
func (t *sent) RID() string                         { return "" }
func (t *sent) StreamID() string                    { return "spool" }
func (t *sent) Kind() pion.RTPCodecType             { return pion.NewRTPCodecType(t.track.Kind().String()) }
