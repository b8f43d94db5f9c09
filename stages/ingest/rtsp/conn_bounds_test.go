package rtsp

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest"
)

// from connects from an address of this machine.
func from(t *testing.T, host, addr string) *talk {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	c, err := d.Dial("tcp", addr)
	require.NoError(t, err)
	return talkOn(t, c)
}

// closes waits until the server has closed a connection, and returns the received bytes.
func (k *talk) closes() string {
	k.t.Helper()
	k.anew()
	all, err := io.ReadAll(k.in)
	require.NotErrorIs(k.t, err, os.ErrDeadlineExceeded)
	return string(all)
}

const soon = 150 * time.Millisecond

// patient is the timeout of a client that must be served before the timeout ends, on a busy machine.
const patient = 8 * time.Second

// The time of a client ends unless it records, whatever else it does.
func TestAConnectionThatDoesNotRecordIsClosed(t *testing.T) {
	r := newFixture(t)
	_, addr, _ := r.guarded(Config{AnnounceTimeout: soon, ReadTimeout: soon})
	u := "rtsp://" + addr + "/live/x"
	login := basic("cam", "right")
	forEver := func(k *talk, method string, headers ...string) {
		for k.ask(method, u, headers...) != "closed" {
		}
	}
	for name, does := range map[string]func(k *talk){
		"nothing":               func(*talk) {},
		"begins a request":      func(k *talk) { k.write("OPTIONS rt") },
		"begins a header":       func(k *talk) { k.write("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: ") },
		"begins a body":         func(k *talk) { k.write(announceOf(u, announceSDP)[:200]) },
		"asks for the options":  func(k *talk) { forEver(k, "OPTIONS") },
		"describes":             func(k *talk) { forEver(k, "DESCRIBE") },
		"tears down":            func(k *talk) { forEver(k, "TEARDOWN") },
		"has no password":       func(k *talk) { forEver(k, "ANNOUNCE") },
		"announces, and asks":   func(k *talk) { k.ask("ANNOUNCE", u, login); forEver(k, "OPTIONS") },
		"announces, and leaves": func(k *talk) { k.ask("ANNOUNCE", u, login) },
		"announces again and again": func(k *talk) {
			for got := ""; got != "closed"; {
				if got = k.ask("ANNOUNCE", u, login); got == "200 OK" && k.ask("SETUP", u+"/streamid=0", setupTCP) == "200 OK" {
					k.ask("TEARDOWN", u, "Session: "+k.session)
				}
			}
		},
		"trickles": func(k *talk) {
			for k.write("x") == nil {
				time.Sleep(10 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := dial(t, addr)
			does(k)
			k.closes()
		})
	}
	eventually(t, "nothing is left", func() bool { return len(r.hub.List()) == 0 })
}

func TestAnAnnounceWithoutARecordIsLogged(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{ReadTimeout: patient})
	k := dial(t, addr)
	require.Equal(t, "200 OK", k.ask("ANNOUNCE", "rtsp://"+addr+"/live/x"))
	k.closes()
	eventually(t, "it is said", func() bool { return strings.Contains(r.book.String(), "left before it recorded") })
}

// A client that is asked for its password gets its time once more, only once.
func TestAChallengePutsTheDeadlineOffOnce(t *testing.T) {
	g, _ := listening(t, time.Minute)
	k := &connState{serverConn: g, release: func() {}}
	h := &handler{Server: New(Config{AnnounceTimeout: time.Hour, Authorizer: asks(refuseAll)}, nil, newFixture(t).log), basic: true}
	req := requestOf(t, announceOf("rtsp://x/live/x", announceSDP))
	_, refusal := h.authorize(k, req, "live/x", ingest.ActionPublish)
	require.NotNil(t, refusal)
	require.Greater(t, g.left(), 59*time.Minute)
	g.within(time.Minute)
	_, refusal = h.authorize(k, req, "live/x", ingest.ActionPublish)
	require.NotNil(t, refusal)
	require.LessOrEqual(t, g.left(), time.Minute)
}

// Repeated announcements do not extend it.
func TestAnAnnouncePutsTheDeadlineOffOnce(t *testing.T) {
	g, _ := listening(t, time.Minute)
	k := &connState{serverConn: g}
	k.mustRecord("x", "", time.Hour)
	require.Greater(t, g.left(), 59*time.Minute)
	g.within(time.Minute)
	k.mustRecord("x", "", time.Hour)
	require.LessOrEqual(t, g.left(), time.Minute)
	k.records()
	k.mustRecord("x", "", time.Hour)
	require.Greater(t, g.left(), 59*time.Minute, "a client that has recorded may publish again")
}

// Requests keep no publication without media. Once media arrived, they keep it
// (TestAPublisherIsGoneByItsOwnReadTimeout).
func TestRequestsDoNotCountAsMedia(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{ReadTimeout: patient})
	u := "rtsp://" + addr + "/live/x"
	k := dial(t, addr)
	require.Equal(t, "RECORD: 200 OK", k.publish(u, u+"/streamid=0", u))
	for k.ask("GET_PARAMETER", u, "Session: "+k.session) != "closed" {
	}
	k.closes()
	eventually(t, "the path is free", func() bool { return len(r.hub.List()) == 0 })
}

func TestAFrameThatTricklesHoldsNoPublication(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{ReadTimeout: patient})
	u := "rtsp://" + addr + "/live/x"
	k := dial(t, addr)
	require.Equal(t, "RECORD: 200 OK", k.publish(u, u+"/streamid=0", u))
	require.NoError(t, k.write("$\x00\xff\xff"))
	for k.write("x") == nil {
		time.Sleep(10 * time.Millisecond)
	}
	eventually(t, "the path is free", func() bool { return len(r.hub.List()) == 0 })
}

func TestARequestWithoutEndIsCutOff(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{AnnounceTimeout: deadline})
	for name, endless := range map[string]string{
		"header":    "X: " + strings.Repeat("x", 1000) + "\r\n",
		"junk":      strings.Repeat("\x00", 1000),
		"new lines": strings.Repeat("\r\n", 500),
	} {
		t.Run(name, func(t *testing.T) {
			k := dial(t, addr)
			begin := ""
			if name == "header" {
				begin = "OPTIONS * RTSP/1.0\r\n"
			}
			sent, err := 0, k.write(begin)
			for ; err == nil && sent < 64<<20; sent += len(endless) {
				err = k.write(endless)
			}
			require.Error(t, err, "64 MiB were taken")
		})
	}
}

// TestLargeRequestsTakeTurns sends more of them than there are slots for, while a camera publishes.
func TestLargeRequestsTakeTurns(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{AnnounceTimeout: deadline})
	request := announceOf("rtsp://"+addr+"/x", manyFormats(128<<10), sdpType)
	var hostile []*talk
	for range 2 * largeRequests {
		k := dial(t, addr)
		require.NoError(t, k.write(request[:100<<10]))
		hostile = append(hostile, k)
	}
	require.Equal(t, []string{"200 OK"}, exchange(t, addr, announce("rtsp://"+addr+"/camera")))
	for i, k := range hostile {
		if i%2 == 0 { // a closed connection releases its slot
			require.NoError(t, k.c.Close())
			continue
		}
		require.NoError(t, k.write(request[100<<10:]))
	}
	for i, k := range hostile {
		if i%2 != 0 {
			line, err := k.in.ReadString('\n')
			require.NoError(t, err)
			require.Contains(t, line, "413")
		}
	}
}

func TestRTSPIsNotSpokenThroughHTTP(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	for name, request := range map[string]string{
		"browser":   "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"tunnel":    "GET /live/x HTTP/1.0\r\nX-Sessioncookie: a\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n",
		"back":      "POST /live/x HTTP/1.0\r\nX-Sessioncookie: a\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 99999\r\n\r\nT1BUSU9OUyAq",
		"websocket": "GET /live/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			k := dial(t, addr)
			require.NoError(t, k.write(request))
			require.True(t, strings.HasPrefix(k.closes(), "HTTP/1.1 501 Not Implemented\r\n"))
		})
	}
	k := dial(t, addr)
	for _, b := range []byte("GET ") {
		require.NoError(t, k.write(string(b)))
	}
	k.closes()
	require.Equal(t, "501 Not Implemented", dial(t, addr).ask("GET_PARAMETER", "rtsp://"+addr+"/x"), "which begins alike")
}
