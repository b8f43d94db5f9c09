package webrtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/redact"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/httpclient"
	"github.com/gospool/spool/stages/ingest/rtp"
)

func init() {
	hub.RegisterScheme("whep", newPuller)
	hub.RegisterScheme("wheps", newPuller)
}

// puller plays a stream of a WHEP server. whep:// stands for http://, and wheps:// for https://.
type puller struct {
	hub.PullOptions
	timeout time.Duration // to connect, and of silence
	clients *httpclient.Clients
	client  *http.Client // of the newest Pull
}

const (
	pullTimeout          = 10 * time.Second
	pullKeyFrameInterval = 2 * time.Second
	pullMinSegment       = 30 * time.Second
)

// newPuller makes the puller of a URL. It does no I/O.
func newPuller(o hub.PullOptions) (hub.Puller, error) {
	if o.URL.Hostname() == "" {
		return nil, errors.New("the pull URL has no host")
	}
	if o.Transport != "" {
		return nil, errors.New("transport is not for WHEP URLs: the server chooses UDP or TCP")
	}
	u := *o.URL
	u.Scheme = strings.Replace(u.Scheme, "whep", "http", 1)
	o.URL = &u
	if secret := redact.Of(o.URL); o.Log != nil && secret != nil {
		o.Log = slog.New(redact.Log{Handler: o.Log.Handler(), Secret: secret})
	}
	p := &puller{PullOptions: o, timeout: cmp.Or(o.ReadTimeout, pullTimeout)}
	var err error
	p.clients, err = httpclient.New(o.Fingerprint, u.Scheme, p.timeout)
	return p, err
}

// The reasons for the end of a pull, besides those of a publication.
var (
	errServerLost = errors.New("the connection to the server is lost")
	errServerLeft = errors.New("the server has ended the session")
)

// Pull plays the stream until the connection is lost or ctx ends. It returns the reason.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	p.client = p.clients.Client()
	tasks := pipeline.NewTasks(p.Log, p.Clock)
	defer func() { _ = tasks.Stop(context.Background()) }() // no error: the context does not end
	s := &peer{path: p.Path, tasks: tasks, connected: make(chan struct{})}
	s.live, s.end = context.WithCancelCause(ctx)
	defer s.end(errStopped)
	var err error
	if s.pc, err = s.newConnection(p.engine(), requestedCodecs(), nil, sparinglog.New(p.Log)); err != nil {
		return err
	}
	defer func() { _ = s.pc.GracefulClose() }()
	p.watch(s)
	offer, err := p.offer(s)
	if err != nil {
		return err
	}
	answer, err := p.post(s.live, offer)
	if err != nil {
		return err
	}
	defer p.leave(answer.session)
	err = p.play(s, answer, publish)
	if s.live.Err() != nil {
		return context.Cause(s.live)
	}
	return err
}

// play receives what the answer describes.
func (p *puller) play(s *peer, a *answer, publish func(string) (*hub.Publisher, error)) error {
	description, err := readDescription("answer", a.text)
	if err != nil {
		return err
	}
	b := newPublication(host{
		clock: p.Clock, log: p.Log, strangers: sparinglog.New(p.Log), readTimeout: p.timeout,
		keyFrameInterval: pullKeyFrameInterval, minSegment: pullMinSegment, read: func(int) {}, left: errServerLeft,
		publish: func(hub.PublishOptions) (*hub.Publisher, error) { return publish(protocol + " " + p.URL.Host) },
	})
	configs, left, err := b.choose(description, rtp.Options{KeepG711: p.KeepG711})
	if err != nil {
		return err
	}
	if err := b.negotiate(s); err != nil {
		return err
	}
	if err := s.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: a.text}); err != nil {
		return fmt.Errorf("the answer of the server cannot be taken: %w", err)
	}
	late, stop := p.Clock.After(p.timeout)
	defer stop()
	select {
	case <-s.connected:
	case <-s.live.Done():
		return nil
	case <-late:
		return fmt.Errorf("the media of the server was not connected within %v: do its answer's candidates name addresses that can be reached from here?", p.timeout)
	}
	defer b.finish()
	if err := b.begin(s, configs, left); err != nil {
		return err
	}
	b.run(s)
	return nil
}

// choose adds a track for each section that the server sends: in the first format that can be recorded, because a server
// sends the one that stands first.
func (b *publication) choose(o *offer, options rtp.Options) (configs []rtp.Config, left []string, err error) {
	for i := range o.sections {
		section := &o.sections[i]
		if !section.sends() || section.rejected {
			continue
		}
		f, config, unfit := section.choose(options, "", true)
		if f == nil {
			left = append(left, strings.Join(unfit, ", "))
			continue
		}
		configs = append(configs, b.add(section, config))
	}
	if len(configs) == 0 {
		return nil, nil, fmt.Errorf("the server sends no track that can be recorded (%s); %s", strings.Join(left, "; "), rtp.Recordable)
	}
	return configs, left, nil
}

// watch makes the state of the connection known to the pull.
func (p *puller) watch(s *peer) {
	var once sync.Once
	s.pc.OnConnectionStateChange(func(state pion.PeerConnectionState) {
		switch state {
		case pion.PeerConnectionStateConnected:
			once.Do(func() { close(s.connected) })
		case pion.PeerConnectionStateFailed:
			s.end(errServerLost)
		case pion.PeerConnectionStateClosed:
			s.end(errServerLeft)
		}
	})
}

// offer describes the connection, with all candidates.
func (p *puller) offer(s *peer) (string, error) {
	for _, kind := range [...]pion.RTPCodecType{pion.RTPCodecTypeVideo, pion.RTPCodecTypeAudio} {
		if _, err := s.pc.AddTransceiverFromKind(kind, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}); err != nil {
			return "", err
		}
	}
	offer, err := s.pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := pion.GatheringCompletePromise(s.pc)
	if err := s.pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	select {
	case <-gathered:
		return s.pc.LocalDescription().SDP, nil
	case <-s.live.Done():
		return "", context.Cause(s.live)
	}
}

// engine returns the settings of the connection.
func (p *puller) engine() (e pion.SettingEngine) {
	e.LoggerFactory = pionLog{sparinglog.New(p.Log)}
	e.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4, pion.NetworkTypeUDP6, pion.NetworkTypeTCP4, pion.NetworkTypeTCP6})
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	e.SetSRTPReplayProtectionWindow(packetReplayWindow)
	e.DisableMediaEngineCopy(true)
	e.SetIncludeLoopbackCandidate(config.Loopback(p.URL.Hostname()))
	return e
}
