package rtsptest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Attacker is a hostile client of a server, with an address of its own.
type Attacker struct {
	Server string // host:port
	From   string // IP address of this machine from which the attacker connects
	Login  Login  // of a compromised encoder, for attacks that publish; the zero value: no credentials
	Random *rand.Rand
	Clip   *Clip
}

// Attack is one round of hostile requests. Run returns when the server has answered or closed the connections, or when
// ctx ends; no attack ends after a fixed time. An error means that the server misbehaved.
type Attack struct {
	Name string
	Doc  string
	Run  func(ctx context.Context, a Attacker) error
}

// Attacks returns every attack.
func Attacks() []Attack {
	return []Attack{
		{"payload types", "a description of 64,000 payload types, by a stranger", payloadTypes},
		{"descriptions", "200 of them at once", atOnce(200, payloadTypes)},
		{"attributes", "a description of 30,000 attributes, by a stranger", attributes},
		{"stap-a", "packets of 19,000 NAL units of one byte, under one time", tinyNALs},
		{"open access unit", "an access unit that never ends", endless},
		{"key frames", "a key frame each picture, 200 in a second", allKeys},
		{"silence", "connections that say nothing, and OPTIONS of some", silence},
		{"slow", "requests of which a byte comes now and then", slow},
		{"sessions", "requests in sessions that are not there, or another's", sessions},
		{"garbage", "bytes at random", garbage},
	}
}

func (a Attacker) dial() (*Client, error) { return Dial(a.Server, a.From) }

func (a Attacker) url() string {
	return fmt.Sprintf("rtsp://%s/evil/%d", a.Server, a.Random.Uint32())
}

// refused sends an ANNOUNCE with a body. It returns an error unless the server refuses the ANNOUNCE or closes the
// connection.
func (a Attacker) refused(body string) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.Ask("ANNOUNCE", a.url(), body, "Content-Type: application/sdp")
	if err != nil {
		return nil // the server closed the connection, which is valid too
	}
	if r.Status < 400 {
		return fmt.Errorf("a stranger's ANNOUNCE is answered %d", r.Status)
	}
	return nil
}

// PayloadTypes returns a session description whose only media section lists one payload type n times.
func PayloadTypes(n int) string {
	return describe("m=video 0 RTP/AVP"+strings.Repeat(" 9", n), "a=rtpmap:9 H264/", "a=control:trackID=0")
}

func payloadTypes(_ context.Context, a Attacker) error { return a.refused(PayloadTypes(64_000)) }

func attributes(_ context.Context, a Attacker) error {
	return a.refused(describe("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000\r\n"+strings.Repeat("a=x\r\n", 30_000)+"a=control:trackID=0"))
}

// atOnce returns the Run of an Attack in which n attackers run what at the same time.
func atOnce(n int, what func(context.Context, Attacker) error) func(context.Context, Attacker) error {
	return func(ctx context.Context, a Attacker) error {
		var all sync.WaitGroup
		errs := make([]error, n)
		for i := range n {
			one := a
			one.Random = rand.New(rand.NewPCG(a.Random.Uint64(), 0))
			all.Go(func() { errs[i] = what(ctx, one) })
		}
		all.Wait()
		return errors.Join(errs...)
	}
}

// publishes publishes a stream with the credentials of a, sends packets to it with send, and closes the connection. A
// failed send is no error.
func (a Attacker) publishes(send func(p *Publisher) error) error {
	p, err := Publish(a.Server, fmt.Sprintf("evil/%d", a.Random.Uint32()), a.Login, &Clip{Tracks: a.Clip.Tracks[:1]})
	if err != nil {
		return err
	}
	defer p.Drop()
	_ = send(p) // the server may close the connection
	return nil
}

func (p *Publisher) packet(ts uint32, data []byte) error {
	k := p.session.senders[0]
	defer func() { k.seq++ }()
	return p.session.Send(Packet{Sender: k, PT: 96, Seq: k.seq, TS: ts, SSRC: k.SSRC, Data: data})
}

func tinyNALs(ctx context.Context, a Attacker) error {
	kind := string("\x41\x65\x06\x0c"[a.Random.IntN(4)]) // slices, SEI, filler
	packet := append([]byte{24}, []byte(strings.Repeat("\x00\x01"+kind, 19_000))...)
	return a.publishes(func(p *Publisher) error {
		if err := p.Send(1); err != nil { // a whole picture first, so that the server knows the codec's parameters
			return err
		}
		for range 1000 {
			if err := p.packet(p.session.senders[0].base+3600, packet); err != nil || ctx.Err() != nil {
				return err
			}
		}
		return nil
	})
}

func endless(ctx context.Context, a Attacker) error {
	fragment := append([]byte{28, 0x01}, make([]byte, 60_000)...)
	return a.publishes(func(p *Publisher) error {
		if err := p.packet(5, append([]byte{28, 0x81}, make([]byte, 60_000)...)); err != nil {
			return err
		}
		for range 5000 { // 300 MB
			if err := p.packet(5, fragment); err != nil || ctx.Err() != nil {
				return err
			}
		}
		return nil
	})
}

// allKeys sends 400 key frames whose RTP times are 5 ms apart.
func allKeys(ctx context.Context, a Attacker) error {
	key := &a.Clip.Video().Units[0]
	return a.publishes(func(p *Publisher) error {
		k := p.session.senders[0]
		for n := range 400 {
			for _, payload := range pictureOf(key, 0, fuA) {
				pkt := Packet{Sender: k, PT: 96, Seq: k.seq, TS: uint32(n * 450), SSRC: k.SSRC, Data: payload.Data, Marker: payload.Marker}
				k.seq++
				if err := p.session.Send(pkt); err != nil || ctx.Err() != nil {
					return err
				}
			}
		}
		return nil
	})
}

// silence opens 1000 connections, and sends OPTIONS on about one in ten. It accepts an answer as well as a closed
// connection.
func silence(ctx context.Context, a Attacker) error {
	for range 1000 {
		c, err := a.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		if ctx.Err() != nil {
			return nil
		}
		if a.Random.IntN(10) == 0 {
			_, _ = c.Ask("OPTIONS", a.url(), "")
		}
	}
	return nil
}

// slow begins requests, and then sends one byte every 300 ms until the server closes the connection or ctx ends.
func slow(ctx context.Context, a Attacker) error {
	begins := []string{
		"", "A", "ANNOUNCE rtsp://", "ANNOUNCE " + a.url() + " RTSP/1.0\r\nCSeq: 1\r\nX: ",
		"ANNOUNCE " + a.url() + " RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 16000\r\n\r\nv=0\r\n", "$\x00\xff\xff",
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, begin := range begins {
		c, err := a.dial()
		if err != nil {
			return err
		}
		all.Go(func() {
			defer c.Close()
			tick := time.NewTicker(300 * time.Millisecond)
			defer tick.Stop()
			for c.Write([]byte(begin)) == nil {
				begin = "x"
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return nil
}

func sessions(_ context.Context, a Attacker) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, method := range []string{"TEARDOWN", "RECORD", "SETUP", "PAUSE", "PLAY"} {
		id := fmt.Sprintf("%032x", a.Random.Uint64())
		r, err := c.Ask(method, a.url(), "", "Session: "+id, "Transport: RTP/AVP;unicast;client_port=0-70000;mode=record")
		if err != nil {
			return nil
		}
		if r.Status < 400 {
			return fmt.Errorf("%s in a session that is not there is answered %d", method, r.Status)
		}
	}
	return nil
}

func garbage(_ context.Context, a Attacker) error {
	for range 20 {
		c, err := a.dial()
		if err != nil {
			return err
		}
		b := make([]byte, 8*a.Random.IntN(2000))
		for i := 0; i < len(b); i += 8 {
			binary.LittleEndian.PutUint64(b[i:], a.Random.Uint64())
		}
		if len(b) > 0 {
			b[0] = "$ARX\r\n\x00"[a.Random.IntN(7)]
		}
		_ = c.Write(b)
		c.Close()
	}
	return nil
}
