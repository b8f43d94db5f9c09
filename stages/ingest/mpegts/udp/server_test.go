package udp

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

func TestAStreamOfDatagramsIsPublished(t *testing.T) {
	f := newFixture(t, "")
	f.sender().stream()
	f.eventually("the stream has media", func() bool { return f.units() > 0 })
	f.eventually("its sender publishes", f.publishing)
	require.Equal(t, path, f.server.Connections()[0].Path)
	require.Empty(t, f.losses(media.DropTSLoss))
	require.Equal(t, "udp://"+f.to, f.server.PublishURL("live/NAME"))
}

// rtpPacket returns an RTP packet with a payload.
func rtpPacket(seq uint16, kind byte, payload []byte) []byte {
	b := append([]byte{0x80, kind}, make([]byte, 10)...)
	binary.BigEndian.PutUint16(b[2:], seq)
	return append(b, payload...)
}

func TestRTPPacketsAreReordered(t *testing.T) {
	f := newFixture(t, "")
	s := f.sender()
	all := datagrams(stream(t))
	r := rand.New(rand.NewPCG(1, 2))
	seqs := []int{0}
	for from := 1; from < len(all); from += 3 { // three packets each in any order
		for _, i := range r.Perm(min(3, len(all)-from)) {
			seqs = append(seqs, from+i)
		}
	}
	for _, i := range seqs {
		s.send(rtpPacket(uint16(65534+i), payloadType, all[i]))
		s.send(rtpPacket(uint16(65534+i), payloadType, all[i])) // the network may send a packet twice
	}
	f.eventually("the stream has media", func() bool { return f.units() > 0 })
	require.Zero(t, f.losses(media.DropTSLoss))
	s.send(rtpPacket(100, 96, all[0]))
	f.eventually("another format is counted", func() bool { return f.losses(media.DropWrongPayloadType) == 1 })
}

func TestASecondSenderDoesNotDisturb(t *testing.T) {
	f := newFixture(t, "")
	first, second := f.sender(), f.sender()
	for i, d := range datagrams(stream(t)) {
		first.send(d)
		if i == 0 {
			f.eventually("the first sender is taken", func() bool { return len(f.server.Connections()) == 1 })
		}
		for range 3 {
			second.send(d)
		}
	}
	f.eventually("the datagrams of the second sender are counted", func() bool { return f.losses(media.DropForeignSSRC) > 0 })
	require.Zero(t, f.losses(media.DropTSLoss))
	require.Len(t, f.server.Connections(), 1)
	f.says("datagrams of a second sender are left out")
}

func TestASenderThatStoppedIsReplaced(t *testing.T) {
	f := newFixture(t, "")
	first := f.sender()
	first.stream()
	f.eventually("the first sender publishes", f.publishing)
	before := f.server.Connections()[0].Number
	second := f.sender()
	f.eventually("the second one publishes", func() bool {
		second.stream()
		time.Sleep(50 * time.Millisecond) // a sender's pace
		c := f.server.Connections()
		return len(c) == 1 && c[0].Number != before && f.publishing()
	})
}

func TestOnlySendersOfTheListArePermitted(t *testing.T) {
	f := newFixture(t, "?from=10.0.0.0/8")
	f.sender().stream()
	f.says("a sender that may not send")
	require.Empty(t, f.server.Connections())
	require.NotZero(t, f.server.Counts().Publishers)
	f = newFixture(t, "?from=10.0.0.0/8&from=127.0.0.1")
	f.sender().stream()
	f.eventually("the sender publishes", f.publishing)
}

type refuser struct{ asked chan ingest.AccessRequest }

func (r refuser) Authorize(_ context.Context, q ingest.AccessRequest) error {
	r.asked <- q
	return errors.New("no such user")
}

func TestTheAuthorizerDecides(t *testing.T) {
	r := refuser{make(chan ingest.AccessRequest, 100)}
	f := newFixture(t, "", func(_ *Settings, d *ingest.ServerDeps) { d.Authorizer = r })
	f.sender().stream()
	q := <-r.asked
	require.Equal(t, path, q.Path)
	require.Equal(t, ingest.ActionPublish, q.Action)
	require.Equal(t, protocol, q.Protocol)
	f.says("pull the stream from udp " + f.to)
	require.Zero(t, f.units())
	require.Empty(t, f.server.Connections())
}

func TestGarbageIsLeftOut(t *testing.T) {
	f := newFixture(t, "")
	s := f.sender()
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		b := make([]byte, 1+r.IntN(1500))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		b[0] &^= 0x40 // no sync byte
		s.send(b)
	}
	f.says("no part of an MPEG transport stream")
	require.Empty(t, f.server.Connections())
	for i := range 3000 { // packets of changing PIDs, without tables
		b := append([]byte{0x47, byte(i >> 8 & 0x1f), byte(i), 0x10 | byte(i&0xf)}, make([]byte, 184)...)
		s.send(b)
	}
	require.Zero(t, f.units())
	other := f.sender()
	f.eventually("another sender takes the place of one without media", func() bool {
		other.stream()
		time.Sleep(50 * time.Millisecond) // a sender's pace
		return f.publishing()
	})
}

func TestSilenceEndsAPublication(t *testing.T) {
	f := newFixture(t, "", func(s *Settings, _ *ingest.ServerDeps) { s.ReadTimeout = config.Duration(time.Second) })
	f.sender().stream()
	f.says("publisher records")
	f.eventually("the sender is gone", func() bool { return len(f.server.Connections()) == 0 })
	f.says("the sender sends no data")
	require.False(t, f.hub.Live(path))
}

// null is a packet without content.
func null() []byte { return append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, 184)...) }

// Datagrams without media keep neither a session nor a pull.
func TestDatagramsWithoutMediaEndASession(t *testing.T) {
	f := newFixture(t, "", func(s *Settings, _ *ingest.ServerDeps) { s.ReadTimeout = config.Duration(time.Second) })
	s := f.sender()
	f.eventually("the session ends", func() bool {
		s.send(null())
		time.Sleep(20 * time.Millisecond) // a sender's pace
		return strings.Contains(f.book.String(), errNoMedia.Error())
	})
}

func TestDatagramsWithoutMediaEndAPull(t *testing.T) {
	f := newFixture(t, "")
	f.stop()
	require.NoError(t, f.hub.Configure(path, hub.StreamConfig{Pull: "udp://" + f.to, ReadTimeout: time.Second}))
	sub, err := f.hub.Subscribe(path)
	require.NoError(t, err)
	defer sub.Close()
	s := f.sender()
	f.eventually("the pull ends", func() bool {
		_, _ = s.c.Write(null())          // an error says that the socket is not open yet
		time.Sleep(20 * time.Millisecond) // a sender's pace
		return strings.Contains(f.book.String(), "no stream that can be recorded has come to "+f.to)
	})
}

func TestAConnectionIsEnded(t *testing.T) {
	f := newFixture(t, "")
	f.sender().stream()
	f.eventually("the sender publishes", f.publishing)
	require.True(t, f.server.End(f.server.Connections()[0].Number))
	f.eventually("the sender is gone", func() bool { return len(f.server.Connections()) == 0 })
	f.says("it was ended")
}

func TestAPublisherTakesThePathOver(t *testing.T) {
	f := newFixture(t, "")
	f.sender().stream()
	f.eventually("the sender publishes", f.publishing)
	pub, err := f.hub.Publish(path, hub.PublishOptions{Origin: "test", Override: true})
	require.NoError(t, err)
	defer pub.Close("stop")
	f.sender().stream()
	f.eventually("the sender is gone", func() bool { return len(f.server.Connections()) == 0 })
}

func TestPullTakesTheDatagramsOfAnAddress(t *testing.T) {
	f := newFixture(t, "")
	f.stop()
	require.NoError(t, f.hub.Configure(path, hub.StreamConfig{Pull: "udp://" + f.to, ReadTimeout: 2 * time.Second}))
	sub, err := f.hub.Subscribe(path)
	require.NoError(t, err)
	defer sub.Close()
	s := f.sender()
	f.eventually("the stream has media", func() bool {
		_, _ = s.c.Write(nil) // an error says that the socket is not open yet
		for _, d := range datagrams(stream(t)) {
			_, _ = s.c.Write(d)
		}
		time.Sleep(20 * time.Millisecond) // a sender's pace
		return f.units() > 0
	})
	f.says("no datagram of a transport stream has come to " + f.to)
}

func TestMulticastGroupsAreJoined(t *testing.T) {
	for name, to := range map[string]string{"any sender": "239.77.1.1", "one sender": "232.77.1.1"} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			options := "?interface=lo"
			if to[:3] == "232" {
				options += "&source=127.0.0.1"
			}
			f := newFixture(t, "", func(s *Settings, _ *ingest.ServerDeps) {
				s.Inputs[0].URL = "udp://" + to + ":" + itoa(port) + options
			})
			cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-t", "3", "-c:v", "mpeg4", "-g", "5",
				"-f", "mpegts", "udp://"+to+":"+itoa(port)+"?pkt_size=1316&localaddr=127.0.0.1&ttl=1")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			f.eventually("the stream has media", func() bool { return f.units() > 0 })
			require.Zero(t, f.losses(media.DropTSLoss))
		})
	}
}

func TestAddresses(t *testing.T) {
	for text, says := range map[string]string{
		"udp://127.0.0.1:5000":                 "",
		"rtp://[::1]:5004":                     "",
		"udp://239.1.1.1:5000?interface=eth0":  "",
		"udp://232.1.1.1:5000?source=10.0.0.7": "",
		"udp://0.0.0.0:5000?from=10.0.0.0/8":   "",
		"udp://127.0.0.1":                      "no port",
		"udp://127.0.0.1:0":                    "no port",
		"udp://:5000":                          "write udp://HOST:PORT",
		"tcp://127.0.0.1:5000":                 "write udp://HOST:PORT",
		"udp://u:secret@127.0.0.1:5000":        "write udp://HOST:PORT",
		"udp://127.0.0.1:5000/live":            "write udp://HOST:PORT",
		"udp://127.0.0.1:5000?source=10.0.0.7": "are for multicast groups",
		"udp://239.1.1.1:5000?source=::1":      "not both IPv4",
		"udp://239.1.1.1:5000?source=here":     "no address of a host",
		"udp://127.0.0.1:5000?from=there":      "no address and no network",
		"udp://127.0.0.1:5000?pkt_size=1316":   "there is no option \"pkt_size\"",
		"udp://239.1.1.1:5000?interface=":      "no name of a network interface",
	} {
		u, err := url.Parse(text)
		require.NoError(t, err)
		_, err = ParseAddress(u)
		if says == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, says, text)
			require.NotContains(t, err.Error(), "secret")
		}
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	s := Settings{ServerSettings: ingest.DefaultServerSettings(":5000"), Inputs: []Input{
		{"live/a", "udp://127.0.0.1:5000"}, {"live/a", "udp://127.0.0.1:5001"}, {"/", "udp://127.0.0.1:5002"}, {"live/b", "http://x"}, {"live/c", "udp://127.0.0.1:5000"},
	}}
	var at []string
	for _, p := range s.Check() {
		at = append(at, p.Path)
	}
	require.Equal(t, "listen inputs/1/path inputs/2/path inputs/3/url inputs/4/url", strings.Join(at, " "))
	require.Len(t, s.Addresses(), 4)
}
