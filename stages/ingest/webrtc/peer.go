package webrtc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
)

// peer is the session of one client.
type peer struct {
	of     *Server
	id     string // secret: who knows it may end the session
	action ingest.Action
	path   string
	user   string
	remote string
	tasks  *pipeline.Tasks
	client *clients.Client
	pc     *pion.PeerConnection
	work   work
	left   []string // why tracks of the stream are not sent

	live      context.Context // ends with the session; its cause is the reason
	end       context.CancelCauseFunc
	connected chan struct{} // closed when media can flow
	once      sync.Once     // of connected

	negotiating sync.Mutex // guards offer and etag, and is held while the connection is described anew
	offer       *offer
	etag        string
}

// work is the media of a session: a publication, or a reading.
type work interface {
	// negotiate adds the tracks to the connection of the peer, before the answer is made.
	negotiate(p *peer) error
	// run works until p.live ends. It begins when media can flow.
	run(p *peer)
	// close ends the work. It is called once, also if run was not.
	close(why error)
}

// The reasons for the end of a session, besides those of its work.
var (
	errLost    = errors.New("the connection to the client is lost")
	errLeft    = errors.New("the client has left")
	errHungUp  = errors.New("the session was closed by request")
	errLate    = errors.New("the media of the client was not connected in time: can it reach the UDP or TCP port of ingest.webrtc.listen?")
	errStopped = errors.New("the server stops")
)

// newConnection makes the peer connection of a session. codecs registers those that the session may use. Without a
// certificate the connection makes one for itself.
func (p *peer) newConnection(engine pion.SettingEngine, codecs []codecParameters, certificates []pion.Certificate, log *slog.Logger) (*pion.PeerConnection, error) {
	engine.BufferFactory = p.sources()
	var m pion.MediaEngine
	for _, c := range codecs {
		if err := m.RegisterCodec(c.RTPCodecParameters, c.kind); err != nil {
			return nil, err
		}
	}
	for _, kind := range [...]pion.RTPCodecType{pion.RTPCodecTypeVideo, pion.RTPCodecTypeAudio} {
		for _, uri := range [...]string{sdp.SDESMidURI, sdp.TransportCCURI} {
			if err := m.RegisterHeaderExtension(pion.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return nil, err
			}
		}
	}
	var chain interceptor.Registry
	if err := intercept(&chain, pionLog{log}); err != nil {
		return nil, err
	}
	api := pion.NewAPI(pion.WithMediaEngine(&m), pion.WithInterceptorRegistry(&chain), pion.WithSettingEngine(engine))
	return api.NewPeerConnection(pion.Configuration{Certificates: certificates})
}

const (
	// nackEvery is how often missing packets are requested again, until they come or are of no use any more.
	nackEvery     = 40 * time.Millisecond
	nackPackets   = 1024 // of a track, that can be requested again
	feedbackEvery = 100 * time.Millisecond
)

// intercept adds the feedback of receivers: lost packets (RFC 4585), reports (RFC 3550), and the arrival times by which a browser
// finds its rate (transport-wide congestion control). The sender reports of a reading are those of package egress/rtp.
func intercept(chain *interceptor.Registry, log pionLog) error {
	requests, err := nack.NewGeneratorInterceptor(nack.GeneratorInterval(nackEvery), nack.GeneratorSize(nackPackets), nack.WithGeneratorLoggerFactory(log))
	if err != nil {
		return err
	}
	responses, err := nack.NewResponderInterceptor(nack.ResponderSize(nackPackets), nack.WithResponderLoggerFactory(log))
	if err != nil {
		return err
	}
	reports, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(log))
	if err != nil {
		return err
	}
	arrivals, err := twcc.NewSenderInterceptor(twcc.SendInterval(feedbackEvery), twcc.WithLoggerFactory(log))
	if err != nil {
		return err
	}
	numbers, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return err
	}
	for _, f := range [...]interceptor.Factory{requests, responses, reports, arrivals, numbers} {
		chain.Add(f)
	}
	return nil
}

// answer describes the peer connection for an offer of the client, and returns the answer. ICE has no candidates that come later.
func (p *peer) answer(offer string) (string, error) {
	if err := p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("the offer cannot be taken: %w", err)
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := pion.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	select {
	case <-gathered: // at once: all candidates are addresses of this machine
	case <-p.live.Done():
		return "", context.Cause(p.live)
	}
	return p.pc.LocalDescription().SDP, nil
}

// watch makes the state of the connection known to the session.
func (p *peer) watch() {
	p.pc.OnConnectionStateChange(func(state pion.PeerConnectionState) {
		switch state {
		case pion.PeerConnectionStateConnected:
			p.once.Do(func() { close(p.connected) })
		case pion.PeerConnectionStateFailed:
			p.end(errLost)
		case pion.PeerConnectionStateClosed: // the client has closed it
			p.end(errLeft)
		}
	})
}

// run runs the session until it ends. Then it frees all that the session has.
func (p *peer) run(ctx context.Context) error {
	defer p.close()
	defer context.AfterFunc(ctx, func() { p.end(errStopped) })()
	late, stop := p.of.Clock.After(p.of.ConnectTimeout.D())
	defer stop()
	select {
	case <-p.connected:
		if p.action == ingest.ActionPublish {
			p.client.Publishes(p.path, p.user)
			p.of.Log.Info("publisher records", "stream", p.path, "remote", p.remote, "protocol", protocol)
		}
		p.work.run(p)
	case <-p.live.Done():
	case <-late:
		p.end(errLate)
	}
	return nil
}

// close ends the session, after a panic, too.
func (p *peer) close() {
	p.end(errStopped)
	why := context.Cause(p.live)
	p.of.remove(p)
	p.work.close(why)
	_ = p.pc.GracefulClose()
	p.client.Leave()
	p.of.Log.Info("webrtc session ends", "action", string(p.action), "stream", p.path, "remote", p.remote, "reason", why)
}

// newID returns a new identifier of a session, which cannot be guessed.
func newID() string { return strings.ToLower(rand.Text()) }

// newTag returns a new entity tag for a session, which changes with each restart of ICE.
func newTag() string { return `"` + rand.Text() + `"` }
