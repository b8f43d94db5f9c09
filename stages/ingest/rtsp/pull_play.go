package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"

	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtp"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
)

// play plays u in one session, and returns the reason of its end. If both TCP and UDP are permitted and the server
// refuses one of them, play tries the other at once. If the server sends no media over one of them, the next call of
// play uses the other. All received media has been published when play returns.
func (p *puller) play(ctx context.Context, u *url.URL, publish func(string) (*hub.Publisher, error)) error {
	err := p.connect(ctx, u, publish)
	if !p.mayTryBoth(u) {
		return err
	}
	switch {
	case errors.Is(err, client.ErrNoMedia):
		p.udp = !p.udp
		return fmt.Errorf("%w; tried over %s next", err, p.protocol())
	case client.UnsupportedTransport(err) && !published(err):
		p.udp = !p.udp
		p.Log.Info("the server refuses to send media this way", "url", config.ShownURL(u), "reason", err, "next", p.protocol())
		return p.connect(ctx, u, publish)
	}
	return err
}

func (p *puller) protocol() string {
	if p.udp {
		return "UDP"
	}
	return "TCP"
}

// errPublicationEnded is the error of a pull whose publication the hub has ended.
var errPublicationEnded = errors.New("the publication ended: another publisher has the path, or the recorder stops")

// connect connects to u, plays one session, and returns the reason of its end.
func (p *puller) connect(ctx context.Context, u *url.URL, publish func(string) (*hub.Publisher, error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := newSession(p.Log, p.Clock)
	s.hangUp = func() { cancel(errPublicationEnded) }
	c, err := client.Dial(ctx, p.options(u, s))
	if err != nil {
		return certificate.Explain(err)
	}
	defer s.finish()
	defer c.Close() // runs before s.finish: no packet arrives after it
	if err := p.begin(c, s, publish); err != nil {
		return err
	}
	p.hungUp = nil // the next connection tries every track
	if err := c.Run(); ctx.Err() == nil {
		return whilePlaying{err}
	}
	return context.Cause(ctx)
}

func (p *puller) options(u *url.URL, s *session) client.Options {
	return client.Options{
		URL: u, UDP: p.udp && u.Scheme == "rtsp", OtherWay: p.mayTryBoth(u),
		ReadTimeout: p.ReadTimeout, TLS: certificate.ClientConfig(p.URL.Hostname(), p.pinned), Log: p.Log, Malformed: s.malformed, DroppedEarly: s.droppedEarly, Go: p.Go,
		ListenPacket: listenPacket,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return newConn(nc, nil), nil
		},
	}
}

// begin reads the server's session description, sets up the recordable tracks, plays them and publishes the stream.
func (p *puller) begin(c *client.Client, s *session, publish func(string) (*hub.Publisher, error)) error {
	sdp, err := c.Describe()
	if err != nil {
		return err
	}
	if sdp, err = readable(sdp); err != nil {
		return fmt.Errorf("DESCRIBE: %w", err)
	}
	desc, err := readDescription(sdp)
	if err != nil {
		return fmt.Errorf("DESCRIBE: %w", err)
	}
	take, leave := p.offers(desc, sdp)
	if len(take) == 0 {
		return fmt.Errorf("none of the stream's codecs can be recorded: %s; %s", strings.Join(leave, ", "), rtp.Recordable)
	}
	take, failed, err := p.setup(c, take)
	if err != nil {
		return err
	}
	played, err := c.Play()
	if err != nil {
		return err
	}
	pub, err := publish("pull " + config.ShownURL(p.URL))
	if err != nil {
		return err
	}
	if err := s.begin(pub, take, leave); err != nil {
		return whilePlaying{err}
	}
	s.notSetUp(failed)
	s.listen(c)
	for _, o := range take {
		c.OnPacketOther(o.media, func() { s.unannounced(o.media) })
	}
	s.info(played)
	return nil
}

// offers sorts the sections of the description, and hides the password in the names of the codecs that are not recorded: a server
// may write the password there, and the API shows these names.
func (p *puller) offers(desc *description.Session, sdp []byte) (take []offer, leave []string) {
	take, leave = offered(rtp.Options{KeepG711: p.KeepG711}).sort(desc, sdp)
	for i := range leave {
		leave[i] = p.secret.Hide(leave[i])
	}
	for _, o := range take {
		for i := range o.others {
			o.others[i].leave = p.secret.Hide(o.others[i].leave)
		}
	}
	return take, leave
}

// setup sends SETUP for each track of take. up holds the tracks that the server sends; failed names the tracks that the
// server does not send, with the reason. If all tracks failed, err is the error of the first. An error that concerns
// more than its track (see client.CostsTrack) is returned at once, without up and failed.
func (p *puller) setup(c *client.Client, take []offer) (up []offer, failed []string, err error) {
	var first error
	for _, o := range take {
		if err = p.setupOne(c, &o, len(take)); err == nil {
			up = append(up, o)
			continue
		}
		if !client.CostsTrack(err) {
			return nil, nil, fmt.Errorf("%s: %w", codecName(o.format), err)
		}
		if first == nil {
			first = err
		}
		failed = append(failed, fmt.Sprintf("%s (%s)", codecName(o.format), p.secret.Error(err)))
	}
	if len(up) == 0 {
		return nil, nil, first
	}
	return up, failed, nil
}

// setupOne sends SETUP for one track; of is the number of all tracks. If the server has closed maxHangUps connections
// at this SETUP, it sends nothing and returns client.ErrHangsUp, unless the server has closed connections at the SETUP
// of every track.
func (p *puller) setupOne(c *client.Client, o *offer, of int) (err error) {
	control := o.media.Control
	if p.hungUp[control] >= maxHangUps && len(p.hungUp) < of {
		return client.ErrHangsUp
	}
	o.config.Datagrams = c.UDP
	for i := range o.others {
		o.others[i].config.Datagrams = c.UDP
	}
	if err = c.Setup(o.media); client.HungUp(err) {
		if p.hungUp == nil {
			p.hungUp = map[string]int{}
		}
		p.hungUp[control]++
	}
	return err
}

// notSetUp logs the recordable tracks that the server does not send, and adds them to the stream's list of tracks that
// are not recorded.
func (s *session) notSetUp(failed []string) {
	if len(failed) == 0 {
		return
	}
	for _, f := range failed {
		s.log.Warn("a track is not recorded: the server refuses it", "track", f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, failed...)
	s.pub.LeaveOut(s.left)
}

// info passes the RTP-Info of the response to PLAY to the tracks: the RTP time at which each track begins.
func (s *session) info(played []client.Info) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.tracks {
		t := &s.tracks[i]
		for _, e := range played {
			if e.Media == t.media && e.Time != nil {
				t.rtp.Info(*e.Time)
			}
		}
	}
}
