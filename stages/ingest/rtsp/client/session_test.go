package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"
)

// TestAFailingSetupCostsItsTrackOnly refuses the second track, in several ways.
func TestAFailingSetupCostsItsTrackOnly(t *testing.T) {
	t.Parallel()
	second := func(f func(w *wireConn, r *ask) bool) func(*wireConn, *ask) bool {
		return func(w *wireConn, r *ask) bool { return strings.HasSuffix(r.url, "track2") && f(w, r) }
	}
	for says, quirk := range map[string]func(w *wireConn, r *ask) bool{
		"404 Not Found":             func(w *wireConn, _ *ask) bool { return w.reply("404 Not Found") },
		"461 Unsupported Transport": func(w *wireConn, _ *ask) bool { return w.reply("461 Unsupported Transport") },
		"500":                       func(w *wireConn, _ *ask) bool { return w.reply("500") },
		"over UDP": func(w *wireConn, _ *ask) bool {
			return w.reply("200 OK", "Transport: RTP/AVP;unicast;client_port=1000-1001")
		},
		"multicast":      func(w *wireConn, _ *ask) bool { return w.reply("200 OK", "Transport: RTP/AVP/TCP;multicast") },
		"no answer came": func(w *wireConn, _ *ask) bool { w.write("RTSP/1.0 xx\r\n\x00\x01"); return true },
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on["SETUP"] = second(quirk)
			f.media = func(w *wireConn) { w.packets1(0, 1, 5); w.write(interleaved(w.channels[0][1], bye(0))) }
			got := play(t, context.Background(), Options{URL: f.url("/cam"), ReadTimeout: 8 * time.Second})
			require.ErrorContains(t, got.err, "goodbye")
			require.Len(t, got.failed, 1)
			require.ErrorContains(t, got.failed[0], says)
			require.Equal(t, seqs(1, 5), got.seqs[0])
		})
	}
}

func (w *wireConn) packets1(track, from, to int) {
	for seq := from; seq <= to; seq++ {
		w.write(interleaved(w.channels[track][0], rtpPacket(track, seq)))
	}
}

// TestKeepAlivesAreWhatTheCameraOffers waits for three of them.
func TestKeepAlivesAreWhatTheCameraOffers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		public, method string
		refuse         []string
		silent         bool // no keep-alive is answered
	}{
		"GET_PARAMETER":                     {public: "Public: PLAY, get_parameter", method: "GET_PARAMETER"},
		"unlisted":                          {public: "Public: PLAY", method: "OPTIONS"},
		"no Public":                         {method: "OPTIONS"},
		"OPTIONS is refused":                {method: "GET_PARAMETER", refuse: []string{"OPTIONS"}},
		"GET_PARAMETER is listed and fails": {public: "Public: GET_PARAMETER", method: "OPTIONS", refuse: []string{"GET_PARAMETER"}},
		"both are refused":                  {method: "OPTIONS", refuse: []string{"GET_PARAMETER", "OPTIONS"}},
		"no answer":                         {method: "OPTIONS", silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, came := newFake(t), make(chan string, 100)
			for _, m := range []string{"OPTIONS", "GET_PARAMETER"} {
				f.on[m] = func(w *wireConn, r *ask) bool {
					if r.header["session"] == "" {
						return w.reply("200 OK", tc.public)
					}
					for _, refused := range tc.refuse {
						if refused == m {
							came <- m + " refused"
							return w.reply("405 Method Not Allowed")
						}
					}
					came <- m
					return tc.silent || w.reply("200 OK")
				}
			}
			f.on["SETUP"] = func(w *wireConn, r *ask) bool {
				return w.reply("200 OK", "Session: 1234;timeout=1", "Transport: "+w.setUp(r))
			}
			f.media = func(w *wireConn) {
				w.packets(1, 1)
				for n := 0; n < 3; {
					m := <-came
					switch {
					case m == tc.method || len(tc.refuse) == 2:
						n++
						w.packets(1+n, 1+n)
					case !strings.HasSuffix(m, "refused"):
						t.Errorf("a keep-alive by %s", m)
					}
				}
				w.packets(5, 5)
				w.goodbye()
			}
			got := play(t, context.Background(), Options{URL: f.url("/cam")})
			require.ErrorContains(t, got.err, "goodbye")
			require.Equal(t, [2][]int{seqs(1, 5), seqs(1, 5)}, got.seqs)
		})
	}
}

func TestKeepAliveInterval(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, time.Second: 666 * time.Millisecond, 30 * time.Second: 20 * time.Second,
		60 * time.Second: 30 * time.Second, 24 * time.Hour: 30 * time.Second, time.Millisecond: minKeepAlive,
	} {
		c := &Client{timeout: timeout}
		require.Equal(t, want, c.keepAliveEvery().Truncate(time.Millisecond))
	}
}

// TestRarePicturesDoNotCountAsSilence sends one packet in much more than the read timeout: the
// answers to keep-alives are signs of life.
func TestRarePicturesDoNotCountAsSilence(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	const timeout = 12 * time.Second // half of it is for an answer
	f.media = func(w *wireConn) {
		w.packets(1, 1)
		time.Sleep(timeout + time.Second) // the test is about silence
		w.packets(2, 2)
		w.goodbye()
	}
	got := play(t, context.Background(), Options{URL: f.url("/cam"), ReadTimeout: timeout})
	require.ErrorContains(t, got.err, "goodbye")
	require.Equal(t, seqs(1, 2), got.seqs[0])
}

// TestADeadCameraIsNoticed answers no keep-alive, and sends no data.
func TestADeadCameraIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.media = func(w *wireConn) { w.packets(1, 1) }
	f.on["GET_PARAMETER"] = func(*wireConn, *ask) bool { return true }
	got := play(t, context.Background(), Options{URL: f.url("/cam"), ReadTimeout: 8 * time.Second})
	require.ErrorContains(t, got.err, "nothing has come for 8s")
	require.Equal(t, seqs(1, 1), got.seqs[0])
	require.NotEmpty(t, f.asked("GET_PARAMETER"), "the client sent a keep-alive")
}

func TestNoMediaAtAll(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.media = func(*wireConn) {}
	got := play(t, context.Background(), Options{URL: f.url("/cam"), ReadTimeout: 8 * time.Second, OtherWay: true})
	require.ErrorIs(t, got.err, ErrNoMedia)
}

// TestAnswersAloneKeepASessionForAWhileOnly plays a camera whose encoder hangs while it still answers requests.
func TestAnswersAloneKeepASessionForAWhileOnly(t *testing.T) {
	now := time.Now()
	c := &Client{Options: Options{ReadTimeout: 10 * time.Second}}
	c.playing, c.heard, c.media, c.longest = true, now, now.Add(-59*time.Second), time.Second
	require.NoError(t, c.silence(now))
	c.media = now.Add(-61 * time.Second)
	require.ErrorContains(t, c.silence(now), "though the server answers")
	c.longest = 40 * time.Second // pictures are rare
	require.NoError(t, c.silence(now))
}

// TestHowASessionEnds also checks that the client sends TEARDOWN, and sends none after the server's end.
func TestHowASessionEnds(t *testing.T) {
	t.Parallel()
	for says, media := range map[string]func(w *wireConn){
		"closed the connection":   func(w *wireConn) { _ = w.nc.Close() },
		"ended the session":       func(w *wireConn) { w.write("TEARDOWN x RTSP/1.0\r\nCSeq: 1\r\n\r\n") },
		"connect again":           func(w *wireConn) { w.write("REDIRECT x RTSP/1.0\r\nCSeq: 1\r\n\r\n") },
		"a change of the stream":  func(w *wireConn) { w.write("ANNOUNCE x RTSP/1.0\r\nContent-Length: 8\r\n\r\nv=0\nm=x\n") },
		"the server ended the st": func(w *wireConn) { w.write("PLAY_NOTIFY x RTSP/1.0\r\nNotify-Reason: end-of-stream\r\n\r\n") },
		"more than 4096 bytes":    func(w *wireConn) { w.write("RTSP/1.0 200 OK\r\nX: " + strings.Repeat("x", 5000) + "\r\n\r\n") },
		"128 headers":             func(w *wireConn) { w.write("RTSP/1.0 200 OK\r\n" + strings.Repeat("X: y\r\n", 200) + "\r\n") },
		"16 KiB of them": func(w *wireConn) {
			w.write("RTSP/1.0 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("x", 4000)+"\r\n", 10) + "\r\n")
		},
		"at most 64 KiB":            func(w *wireConn) { w.write("RTSP/1.0 200 OK\r\nContent-Length: 1000000000\r\n\r\n") },
		"Content-Length of":         func(w *wireConn) { w.write("RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n") },
		"a request has a line of":   func(w *wireConn) { w.write("OPTIONS * RTSP/1.0\r\nX: " + strings.Repeat("x", 5000) + "\r\n\r\n") },
		"a request has more than":   func(w *wireConn) { w.write("OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: y\r\n", 200) + "\r\n") },
		"a request has a body of":   func(w *wireConn) { w.write("OPTIONS * RTSP/1.0\r\nContent-Length: 1000000000\r\n\r\n") },
		"a request has a Content-L": func(w *wireConn) { w.write("OPTIONS * RTSP/1.0\r\nContent-Length: -5\r\n\r\n") },
		"an answer has a line of":   func(w *wireConn) { w.write("RTSP/1.0 200 " + strings.Repeat("x", 5000) + "\r\n\r\n") },
		"a web server":              func(w *wireConn) { w.write("HTTP/1.1 400 Bad Request\r\n\r\n") },
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.media = func(w *wireConn) { w.packets(1, 2); media(w) }
			got := play(t, context.Background(), Options{URL: f.url("/cam")})
			require.ErrorContains(t, got.err, says)
			require.Equal(t, seqs(1, 2), got.seqs[0])
		})
	}
}

// TestTheEndOfTheContextHangsUp ends the context while the camera sends without end, or waits.
func TestTheEndOfTheContextHangsUp(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	for name, tc := range map[string]struct {
		method string // without an answer
		flood  bool
		deaf   bool // TEARDOWN gets no answer
	}{
		"in OPTIONS": {method: "OPTIONS"}, "in DESCRIBE": {method: "DESCRIBE"}, "in PLAY": {method: "PLAY"},
		"among media": {flood: true}, "in silence": {}, "without an answer": {deaf: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			ctx, cancel := context.WithCancelCause(context.Background())
			if tc.method != "" {
				f.on[tc.method] = func(*wireConn, *ask) bool { cancel(cause); return true }
			}
			if tc.deaf {
				f.on["TEARDOWN"] = func(*wireConn, *ask) bool { return true }
			}
			f.media = func(w *wireConn) {
				w.packets(1, 1)
				cancel(cause)
				for seq := 2; tc.flood; seq++ {
					select {
					case <-w.gone:
						return
					default:
						w.packets(seq, seq)
					}
				}
			}
			got := play(t, ctx, Options{URL: f.url("/cam"), ReadTimeout: 10 * time.Minute})
			require.Error(t, got.err)
			if tc.method == "" || tc.method == "PLAY" {
				eventually(t, "TEARDOWN is said", func() bool { return len(f.asked("TEARDOWN")) == 1 })
			}
		})
	}
}

func TestReceiverReportsAreSentOverTCP(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.media = func(w *wireConn) {
		sr, _ := (&rtcp.SenderReport{SSRC: 1, NTPTime: 1 << 40}).Marshal()
		w.packets(1, 3)
		w.write(interleaved(w.channels[0][1], string(sr)))
		eventually(t, "a report comes", func() bool { return len(f.asked("$")) >= 2 })
		w.goodbye()
	}
	got := play(t, context.Background(), Options{URL: f.url("/cam")})
	require.ErrorContains(t, got.err, "goodbye")
	require.Equal(t, 3, got.reports, "a report, and two goodbyes")
	frame := f.asked("$")[0]
	packets, err := rtcp.Unmarshal([]byte(frame.url))
	require.NoError(t, err)
	require.Equal(t, "1", frame.header["channel"])
	r := packets[0].(*rtcp.ReceiverReport).Reports[0]
	require.Equal(t, uint32(3), r.LastSequenceNumber)
	require.Equal(t, uint32(1<<24), r.LastSenderReport)
	require.Zero(t, r.TotalLost)
}

// TestAnswersAreMatchedToRequests matches them by CSeq, or by their order.
func TestAnswersAreMatchedToRequests(t *testing.T) {
	for _, tc := range []struct {
		cseq string
		want int
		left int
	}{{"5", 5, 2}, {"6", 6, 1}, {"7", 7, 0}, {"", 5, 2}, {"99", 5, 2}, {"x", 5, 2}, {" 6 ", 5, 2}} {
		c := &Client{pending: []pending{{cseq: 5}, {cseq: 6}, {cseq: 7}}}
		of := c.answered(&message{header: header{"cseq": {tc.cseq}}})
		require.Equal(t, tc.want, of.cseq, "CSeq %q", tc.cseq)
		require.Len(t, c.pending, tc.left)
	}
}
