package client

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDeviatingCamerasArePlayed plays cameras with one deviation each; every packet of both tracks arrives.
func TestDeviatingCamerasArePlayed(t *testing.T) {
	t.Parallel()
	reply := func(status string, headers ...string) func(*wireConn, *ask) bool {
		return func(w *wireConn, _ *ask) bool { return w.reply(status, headers...) }
	}
	described := func(headers ...string) func(*wireConn, *ask) bool {
		return func(w *wireConn, _ *ask) bool { return w.replyBody(w.sdp, headers...) }
	}
	setup := func(f func(w *wireConn, r *ask, transport string) bool) func(*wireConn, *ask) bool {
		return func(w *wireConn, r *ask) bool { return f(w, r, w.setUp(r)) }
	}
	raw := func(w *wireConn, text string) bool {
		w.write(strings.ReplaceAll(text, "CSEQ", w.cseq))
		return true
	}
	for name, quirk := range map[string]func(f *fake){
		"nothing":            func(*fake) {},
		"OPTIONS is unknown": func(f *fake) { f.on["OPTIONS"] = reply("404 Not Found") },
		"OPTIONS is refused": func(f *fake) { f.on["OPTIONS"] = reply("501") },
		"no Public":          func(f *fake) { f.on["OPTIONS"] = reply("200 OK") },
		"no Content-Type":    func(f *fake) { f.on["DESCRIBE"] = described() },
		"odd Content-Type":   func(f *fake) { f.on["DESCRIBE"] = described("content-type: Application/SDP;charset=utf-8") },
		"wrong Content-Type": func(f *fake) { f.on["DESCRIBE"] = described("Content-Type: text/plain") },
		"no Content-Length": func(f *fake) {
			f.on["DESCRIBE"] = func(w *wireConn, _ *ask) bool { return raw(w, "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\n\r\n"+f.sdp) }
		},
		"no Content-Length, and no end of the last line": func(f *fake) {
			f.on["DESCRIBE"] = func(w *wireConn, _ *ask) bool {
				return raw(w, "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\n\r\n"+strings.TrimSpace(f.sdp))
			}
		},
		"no Content-Length, and a pause before each line": func(f *fake) {
			f.on["DESCRIBE"] = func(w *wireConn, _ *ask) bool {
				w.reply("200 OK")
				for line := range strings.SplitAfterSeq(w.sdp, "\n") {
					time.Sleep(endlessSilence / 8) // the test is about slowness: all lines take longer than the silence
					w.write(line)
				}
				return true
			}
		},
		"relative Content-Base": func(f *fake) { f.on["DESCRIBE"] = described("Content-Base: /cam/") },
		"Content-Base without slash": func(f *fake) {
			f.on["DESCRIBE"] = described("Content-Base: rtsp://10.1.2.3:554/cam")
		},
		"unreadable Content-Base": func(f *fake) { f.on["DESCRIBE"] = described("Content-Base: :/") },
		"control with another host": func(f *fake) {
			f.sdp = strings.ReplaceAll(f.sdp, "a=control:track", "a=control:rtsp://10.1.2.3/cam/track")
		},
		"control with another host, which is refused": func(f *fake) {
			f.sdp = strings.ReplaceAll(f.sdp, "a=control:track", "a=control:rtsp://10.1.2.3/cam/track")
			f.on["SETUP"] = func(w *wireConn, r *ask) bool {
				return strings.Contains(r.url, "10.1.2.3") && w.reply("404 Not Found")
			}
		},
		"absolute control path": func(f *fake) {
			f.sdp = strings.ReplaceAll(f.sdp, "a=control:track", "a=control:/track")
			f.on["SETUP"] = func(w *wireConn, r *ask) bool { return strings.Contains(r.url, "/cam") && w.reply("404 Not Found") }
		},
		"no CSeq": func(f *fake) {
			f.on["DESCRIBE"] = func(w *wireConn, _ *ask) bool {
				w.cseq = "x"
				return w.replyBody(w.sdp)
			}
		},
		"always the same CSeq": func(f *fake) {
			for _, m := range []string{"OPTIONS", "DESCRIBE", "SETUP", "PLAY"} {
				f.on[m] = func(w *wireConn, _ *ask) bool { w.cseq = "1"; return false }
			}
		},
		"lower case, bare line ends": func(f *fake) {
			f.on["DESCRIBE"] = func(w *wireConn, _ *ask) bool {
				return raw(w, "RTSP/1.0 200\ncseq:CSEQ\ncontent-length :  "+itoa(len(f.sdp))+"\n\n"+f.sdp)
			}
			f.on["SETUP"] = setup(func(w *wireConn, _ *ask, transport string) bool {
				return raw(w, "rtsp/1.0 200 OK \ncseq: CSEQ\nsession:  1234 ; Timeout = 60 \ntransport: "+strings.ToLower(transport)+"\n\n")
			})
		},
		"folded header": func(f *fake) {
			f.on["SETUP"] = setup(func(w *wireConn, _ *ask, transport string) bool {
				return raw(w, "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\nSession: 1234\r\nTransport: "+strings.Replace(transport, ";", ";\r\n ", 1)+"\r\n\r\n")
			})
		},
		"blank lines between answers": func(f *fake) {
			f.on["SETUP"] = func(w *wireConn, _ *ask) bool { w.write("\r\n\r\n"); return false }
		},
		"provisional answer": func(f *fake) {
			f.on["DESCRIBE"] = func(w *wireConn, _ *ask) bool { w.reply("100 Continue"); return false }
		},
		"huge timeout":   func(f *fake) { f.on["SETUP"] = session(setup, "1234;timeout=99999999999999") },
		"timeout of 0":   func(f *fake) { f.on["SETUP"] = session(setup, "1234;timeout=0") },
		"no timeout":     func(f *fake) { f.on["SETUP"] = session(setup, "1234") },
		"broken timeout": func(f *fake) { f.on["SETUP"] = session(setup, "1234;timeout") },
		"no Transport": func(f *fake) {
			f.on["SETUP"] = setup(func(w *wireConn, _ *ask, _ string) bool { return w.reply("200 OK", "Session: 1234") })
		},
		"Transport without TCP": func(f *fake) {
			f.on["SETUP"] = setup(func(w *wireConn, _ *ask, transport string) bool {
				return w.reply("200 OK", "Session: 1234", "Transport: "+strings.Replace(transport, "RTP/AVP/TCP", "RTP/AVP", 1)+";ssrc=zz;mode=\"PLAY\"")
			})
		},
		"other channels": func(f *fake) {
			f.on["SETUP"] = setup(func(w *wireConn, r *ask, _ string) bool {
				n := 20 + 2*w.setups
				w.channels[w.setups-1] = [2]int{n, n + 1}
				return w.reply("200 OK", "Session: 1234", "Transport: RTP/AVP/TCP;unicast;interleaved="+itoa(n)+"-"+itoa(n+1))
			})
		},
		"the channels that were asked for, whatever it says": func(f *fake) {
			f.on["SETUP"] = setup(func(w *wireConn, r *ask, _ string) bool {
				return w.reply("200 OK", "Session: 1234", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
			})
		},
		"one channel for all": func(f *fake) {
			f.on["SETUP"] = setup(func(w *wireConn, r *ask, _ string) bool {
				w.channels = [2][2]int{{6, 7}, {6, 7}}
				return w.reply("200 OK", "Session: 1234", "Transport: RTP/AVP/TCP;unicast;interleaved=6-7")
			})
		},
		"reports on the channel of media": func(f *fake) {
			f.on["PLAY"] = func(w *wireConn, _ *ask) bool {
				for i := range w.channels {
					w.channels[i][1] = w.channels[i][0]
				}
				return false
			}
		},
		"media before the answer to PLAY": func(f *fake) {
			f.on["PLAY"] = func(w *wireConn, _ *ask) bool { w.packets(1, 3); return false }
			f.media = func(w *wireConn) { w.packets(4, 5); w.goodbye() }
		},
		"media before PLAY": func(f *fake) {
			f.on["SETUP"] = setup(func(w *wireConn, r *ask, transport string) bool {
				w.write(interleaved(0, rtpPacket(0, w.setups)))
				return w.reply("200 OK", "Session: 1234", "Transport: "+transport)
			})
			f.media = func(w *wireConn) {
				for seq := 1; seq <= 2; seq++ {
					w.write(interleaved(2, rtpPacket(1, seq)))
				}
				w.packets(3, 5)
				w.goodbye()
			}
		},
		"old media before PLAY": func(f *fake) {
			f.on["PLAY"] = func(w *wireConn, r *ask) bool {
				w.packets(-3, 0)
				w.reply("200 OK", "Session: 1234", "RTP-Info: url="+r.url+"/track1;seq=1;rtptime=100, url=track2;seq=1")
				w.running.Go(func() { w.packets(1, 5); w.goodbye() })
				return true
			}
		},
		"frames of nothing, and of what was not set up": func(f *fake) {
			f.media = func(w *wireConn) {
				w.write(interleaved(0, ""))
				w.write(interleaved(40, rtpPacket(0, 77)))
				w.write(interleaved(41, "hello!"))
				w.packets(1, 5)
				w.goodbye()
			}
		},
		"requests among the media": func(f *fake) {
			f.media = func(w *wireConn) {
				w.packets(1, 2)
				for _, r := range []string{"OPTIONS * RTSP/1.0\r\nCSeq: 1", "SET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 3", "GET_PARAMETER x RTSP/1.0\r\nCSeq: 3", "ANNOUNCE x RTSP/1.0\r\nCSeq: 4\r\nContent-Length: " + itoa(len(w.sdp))} {
					w.write(r + "\r\n\r\n")
					if strings.HasSuffix(r, "3") && strings.HasPrefix(r, "SET") {
						w.write("a:b")
					}
				}
				w.write(w.sdp)
				w.packets(3, 5)
				for range 4 {
					if status := <-w.answers; status != "200 OK" {
						w.t.Errorf("a request of the camera was answered %q", status)
					}
				}
				w.goodbye()
			}
		},
		"no aggregate PLAY": func(f *fake) {
			f.on["PLAY"] = func(w *wireConn, r *ask) bool {
				if !strings.Contains(r.url, "track") {
					return w.reply("459 Aggregate Operation Not Allowed")
				}
				return r.url[len(r.url)-1] == '1' && w.reply("200 OK")
			}
		},
		"no Range": func(f *fake) {
			f.on["PLAY"] = func(w *wireConn, r *ask) bool { return r.header["range"] != "" && w.reply("457 Invalid Range") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			quirk(f)
			got := play(t, context.Background(), Options{URL: f.url("/cam")})
			require.ErrorContains(t, got.err, "goodbye")
			require.Empty(t, got.failed)
			require.Equal(t, [2][]int{seqs(1, 5), seqs(1, 5)}, got.seqs)
			require.Zero(t, got.malformed)
			require.Len(t, f.asked("TEARDOWN"), 1)
		})
	}
}

func session(setup func(func(*wireConn, *ask, string) bool) func(*wireConn, *ask) bool, session string) func(*wireConn, *ask) bool {
	return setup(func(w *wireConn, _ *ask, transport string) bool {
		return w.reply("200 OK", "Session: "+session, "Transport: "+transport)
	})
}

// TestGarbageBetweenFramesCostsNoOther sends bytes that are no message: they are counted once per run.
func TestGarbageBetweenFramesCostsNoOther(t *testing.T) {
	t.Parallel()
	for name, garbage := range map[string]string{
		"bytes":           "\x00\x01garbage\xff",
		"what is no head": "RTSP/1.0 abc\r\nHELLO there\r\n",
		"frames cut off":  "$\x00\x03\x00" + strings.Repeat("x$\x05", 100),
		"a frame too long": interleaved(0, "\x00\x00"+strings.Repeat("\x00", 10))[:6] +
			"\x01\x02\x03",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.media = func(w *wireConn) {
				w.packets(1, 2)
				w.write(garbage)
				w.packets(3, 120) // a length that lies takes some of them
				w.goodbye()
			}
			got := play(t, context.Background(), Options{URL: f.url("/cam")})
			require.ErrorContains(t, got.err, "goodbye")
			require.NotZero(t, got.malformed)
			for track := range got.seqs {
				require.Contains(t, got.seqs[track], 120)
				require.Equal(t, seqs(1, 2), got.seqs[track][:2])
			}
			if name == "bytes" || name == "what is no head" {
				require.Equal(t, 1, got.malformed)
				require.Equal(t, seqs(1, 120), got.seqs[0])
			}
		})
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

func TestPacketsOfNoFormatAreCountedApart(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.media = func(w *wireConn) {
		w.packets(1, 2)
		b := []byte(rtpPacket(0, 3))
		b[1] = 111
		w.write(interleaved(w.channels[0][0], string(b)))
		w.packets(3, 4)
		w.goodbye()
	}
	got := play(t, context.Background(), Options{URL: f.url("/cam")})
	require.Equal(t, 1, got.other)
	require.Zero(t, got.malformed)
	require.Equal(t, [2][]int{seqs(1, 4), seqs(1, 4)}, got.seqs)
}
