package rtsptest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Publisher publishes a clip to a server as a good encoder does, and counts the access units that it sends.
type Publisher struct {
	Client  *Client
	Session string // the server's identifier of the session
	URL     string
	session *Session
}

// Login is the user of a publisher; the zero value sends no credentials.
type Login struct{ User, Password string }

// Publish announces a clip under a path and sends RECORD; the caller then sends media with Play or Send. Media goes
// over TCP: the publisher waits for a slow server, and no media is lost. The caller ends the publication with Leave or
// Drop.
func Publish(address, path string, who Login, clip *Clip) (*Publisher, error) {
	return publish(address, path, who, clip, false)
}

// PublishUDP is Publish with media over UDP, from a pair of ports for each track.
func PublishUDP(address, path string, who Login, clip *Clip) (*Publisher, error) {
	return publish(address, path, who, clip, true)
}

func publish(address, path string, who Login, clip *Clip, udp bool) (*Publisher, error) {
	c, err := Dial(address, "")
	if err != nil {
		return nil, err
	}
	if who != (Login{}) {
		c.SignIn(who.User, who.Password)
	}
	p := &Publisher{Client: c, URL: "rtsp://" + address + "/" + path}
	p.session = &Session{quirk: quirks["good"], clip: clip, nc: c.Conn, done: make(chan struct{})}
	if err := p.begin(udp); err != nil {
		p.Drop()
		return nil, fmt.Errorf("publish %s: %w", p.URL, err)
	}
	return p, nil
}

func (p *Publisher) begin(udp bool) error {
	if _, err := p.ask("ANNOUNCE", p.URL, p.session.description(), "Content-Type: application/sdp"); err != nil {
		return err
	}
	for i := range p.session.clip.Tracks {
		k := newSender(p.session, i)
		k.channel = 2 * i
		p.session.senders = append(p.session.senders, k)
		way := fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d;mode=record", k.channel, k.channel+1)
		if udp {
			way = "RTP/AVP;unicast;mode=record;client_port=" + k.reserve()
		}
		r, err := p.ask("SETUP", fmt.Sprintf("%s/trackID=%d", p.URL, i), "", "Transport: "+way)
		if err != nil {
			return err
		}
		p.Session = before(r.Header["session"], ";")
		if udp {
			if err := k.connect(transport(r.Header["transport"])["server_port"]); err != nil {
				return err
			}
		}
	}
	_, err := p.ask("RECORD", p.URL, "", "Range: npt=0.000-")
	return err
}

// ask sends a request with the Session header, and returns an error unless the answer is 200.
func (p *Publisher) ask(method, url, body string, lines ...string) (*Reply, error) {
	if p.Session != "" {
		lines = append(lines, "Session: "+p.Session)
	}
	r, err := p.Client.Ask(method, url, body, lines...)
	if err == nil && r.Status != 200 {
		err = fmt.Errorf("%s is answered %d", method, r.Status)
	}
	return r, err
}

// Play sends the clip again and again, in real time, until ctx ends; then it returns nil.
func (p *Publisher) Play(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for begin := time.Now(); ; {
		k := p.session.earliest()
		_, dts, _ := k.Track.at(k.n)
		timer.Reset(time.Until(begin.Add(ticks(dts, k.Track.ClockHz))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		if err := p.Send(1); err != nil {
			return err
		}
	}
}

// Send sends the next n access units, of all tracks together, as fast as possible.
func (p *Publisher) Send(n int) error {
	for range n {
		k := p.session.earliest()
		u, _, pts := k.Track.at(k.n)
		for _, pkt := range k.next(u, pts) {
			if err := p.session.Send(pkt); err != nil {
				return err
			}
		}
		k.n++
	}
	return nil
}

// Sent returns the number of access units sent of the track with a codec.
func (p *Publisher) Sent(codec string) int {
	for _, k := range p.session.senders {
		if k.Track.Codec == codec {
			return k.n
		}
	}
	return 0
}

// Leave sends TEARDOWN, waits for the answer and closes the connection. Over TCP the server answers after it has
// received all media that was sent before.
func (p *Publisher) Leave() error {
	defer p.Drop()
	_, err := p.ask("TEARDOWN", p.URL, "")
	return err
}

// Drop closes the connection and the UDP ports without TEARDOWN.
func (p *Publisher) Drop() {
	p.Client.Close()
	p.session.closeUDP()
}

// ClientPorts returns the source ports of media over UDP for each track, as a Transport header has them: RTP-RTCP, such
// as 5000-5001.
func (p *Publisher) ClientPorts() (out []string) {
	for _, k := range p.session.senders {
		out = append(out, k.ports)
	}
	return out
}

// describe returns a session description with the given lines after the lines of the session.
func describe(lines ...string) string {
	return strings.Join(append([]string{"v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=-", "c=IN IP4 0.0.0.0", "t=0 0"}, lines...), "\r\n") + "\r\n"
}
