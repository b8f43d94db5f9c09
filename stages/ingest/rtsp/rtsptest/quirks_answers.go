package rtsptest

import (
	"fmt"
	"strings"
	"time"
)

// on returns a Quirk.Answer that applies change to the answers to one method.
func on(method string, change func(*Exchange)) func(*Exchange) {
	return func(x *Exchange) {
		if x.Request.Method == method {
			change(x)
		}
	}
}

// describes returns a Quirk.Answer that sets a header of the answer to DESCRIBE; an empty value removes the header.
func describes(name, value string) func(*Exchange) {
	return on("DESCRIBE", func(x *Exchange) {
		if x.Response.Status == 200 {
			x.Response.Set(name, value)
		}
	})
}

// sound returns a Quirk.Answer that refuses SETUP of the second track, which is audio.
func sound(status int, reason string) func(*Exchange) {
	return on("SETUP", func(x *Exchange) {
		if strings.HasSuffix(x.Request.URL, "trackID=1") {
			x.Session.senders = x.Session.senders[:len(x.Session.senders)-1]
			x.Response = refuse(status, reason)
		}
	})
}

const keepAlive = 2 * time.Second // session timeout in quirks about keep-alives; of real cameras a minute

func init() {
	add(Quirk{Name: "no-content-type", Doc: "small cameras", Answer: describes("Content-Type", "")})
	add(Quirk{Name: "odd-content-type", Doc: "cameras that spell it in their own way", Answer: describes("Content-Type", "Application/SDP; charset=utf-8")})
	add(Quirk{Name: "wrong-content-type", Doc: "cameras whose web server names it", Answer: describes("content-type", "text/plain")})
	add(Quirk{Name: "no-content-base", Doc: "cameras whose tracks' addresses are relative to the request's", Answer: describes("Content-Base", "")})
	add(Quirk{Name: "internal-address", Doc: "cameras behind a router: Content-Base and controls name the address inside", Answer: describes("Content-Base", "rtsp://192.0.2.108:554/internal-address/"),
		Describe: func(_ *Session, sdp string) string {
			return strings.ReplaceAll(sdp, "a=control:", "a=control:rtsp://192.0.2.108:554/internal-address/")
		}})
	add(Quirk{Name: "absolute-controls", Doc: "cameras whose controls are whole URLs", Describe: func(s *Session, sdp string) string {
		return strings.ReplaceAll(sdp, "a=control:trackID", "a=control:rtsp://"+s.nc.LocalAddr().String()+"/absolute-controls/trackID")
	}})
	add(Quirk{Name: "early-data", Doc: "cameras that send media from SETUP on, before PLAY is answered", Answer: func(x *Exchange) {
		if k := x.Session.senders; len(k) > 0 && (x.Request.Method == "SETUP" || x.Request.Method == "PLAY") {
			for range 3 { // packets of a picture that began earlier
				_ = x.Session.Send(Packet{Sender: k[0], PT: 96, Seq: k[0].seq, TS: k[0].base - 3600, SSRC: k[0].SSRC, Data: []byte{0x7c, 0x01, 0, 1, 2}})
				k[0].seq++
			}
		}
	}})
	add(Quirk{Name: "early-flood", Doc: "cameras that send the rest of an earlier session, of 6 MiB, before PLAY", Answer: on("SETUP", func(x *Exchange) {
		if x.N > 0 || x.Response.Status != 200 {
			return
		}
		k := x.Session.senders[0]
		for range 100 {
			_ = x.Session.Send(Packet{Sender: k, PT: 96, Seq: k.seq, TS: k.base - 3600, SSRC: k.SSRC, Data: append([]byte{0x7c, 0x01}, make([]byte, 60<<10)...)})
			k.seq++
		}
	})})
	add(Quirk{Name: "options-404", Doc: "cameras that know OPTIONS of no path, or not at all", Timeout: keepAlive, Answer: on("OPTIONS", func(x *Exchange) {
		x.Response = refuse(404, "Not Found")
	})})
	add(Quirk{Name: "options-501", Doc: "cameras without OPTIONS", Answer: on("OPTIONS", func(x *Exchange) { x.Response = refuse(501, "Not Implemented") })})
	add(Quirk{Name: "get-parameter-unlisted", Doc: "cameras that list no GET_PARAMETER, and hang up on one", Timeout: keepAlive, Public: "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN",
		Answer: on("GET_PARAMETER", func(x *Exchange) { x.Response, x.HangUp = nil, true })})
	add(Quirk{Name: "get-parameter-501", Doc: "cameras that list GET_PARAMETER and do not know it", Timeout: keepAlive, Answer: on("GET_PARAMETER", func(x *Exchange) {
		x.Response = refuse(501, "Not Implemented")
	})})
	add(Quirk{Name: "get-parameter-only", Doc: "cameras whose sessions live by GET_PARAMETER alone", Timeout: keepAlive, Answer: on("OPTIONS", func(x *Exchange) {
		if x.Session.playing.Load() {
			x.Response, x.HangUp = refuse(454, "Session Not Found"), true
		}
	})})
	add(Quirk{Name: "short-session", Doc: "cameras with a short timeout, which they mean", Timeout: keepAlive})
	add(Quirk{Name: "silent-keep-alive", Doc: "cameras that answer no request while they play", Timeout: keepAlive, Answer: func(x *Exchange) {
		if x.Session.playing.Load() {
			x.Response = nil
		}
	}})
	add(Quirk{Name: "server-requests", Doc: "cameras that ask the client whether it lives, and hang up where it does not say", Wire: serverRequests})
	add(Quirk{Name: "setup-461", Doc: "cameras that carry sound over UDP alone", Answer: sound(461, "Unsupported Transport")})
	add(Quirk{Name: "setup-404", Doc: "cameras that describe sound and have none", Answer: sound(404, "Not Found")})
	add(Quirk{Name: "setup-500", Doc: "cameras whose microphone is another's", Answer: sound(500, "Internal Server Error")})
	add(Quirk{Name: "other-channels", Doc: "cameras with interleaved channels of their own", Answer: on("SETUP", func(x *Exchange) {
		if x.Response.Status == 200 {
			k := x.Session.senders[len(x.Session.senders)-1]
			k.channel = 6 - 4*k.Index
			x.Response.Set("Transport", fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", k.channel, k.channel+1))
		}
	})})
	add(Quirk{Name: "no-channels", Doc: "cameras whose answer to SETUP names no channel", Answer: on("SETUP", func(x *Exchange) {
		if x.Response.Status == 200 {
			x.Response.Set("Transport", "RTP/AVP/TCP;unicast")
		}
	})})
	add(Quirk{Name: "no-public", Doc: "cameras that answer OPTIONS without a list", Answer: on("OPTIONS", func(x *Exchange) { x.Response.Set("Public", "") })})
	add(Quirk{Name: "odd-session", Doc: "cameras that write the timeout with blanks, and in capitals", Answer: on("SETUP", func(x *Exchange) {
		if x.Response.Status == 200 {
			x.Response.Set("Session", "  "+x.Session.id+" ; Timeout = 60 ")
		}
	})})
	add(Quirk{Name: "cseq-in-capitals", Doc: "cameras that spell headers in capitals", Bytes: func(b []byte) []byte {
		head, body, _ := strings.Cut(string(b), "\r\n\r\n")
		for _, name := range []string{"CSeq:", "Content-Length:", "Content-Type:", "Content-Base:", "Transport:", "Session:", "Public:"} {
			head = strings.Replace(head, "\r\n"+name+" ", "\r\n"+strings.ToUpper(name), 1)
		}
		return []byte(head + "\r\n\r\n" + body)
	}})
	add(Quirk{Name: "password-in-words", Doc: "cameras that repeat the address, with user and password, where they refuse, and in their description", Auth: []string{"Basic"}, NoTCP: true,
		Describe: func(_ *Session, sdp string) string {
			return sdp + "m=application 0 RTP/AVP 107\r\na=rtpmap:107 " + escapedPassword + "/90000\r\n"
		},
		Answer: func(x *Exchange) {
			if x.Response.Status >= 400 && x.Response.Status != 401 {
				x.Response.Reason += " at rtsp://" + User + ":" + escapedPassword + "@camera/live (" + User + ":" + Password + ", " + basic + ")"
			}
		}})
	add(Quirk{Name: "only-udp", Doc: "cameras that carry media over UDP alone", NoTCP: true})
	add(Quirk{Name: "good-over-tls", Doc: "a good camera, by rtsps"})
	add(Quirk{Name: "hangs-up", Doc: "cameras that hang up in the middle, as each does when it restarts", Wire: after(60, func(s *Session) { s.HangUp() })})
	add(Quirk{Name: "bye", Doc: "cameras that say goodbye and keep the connection", Wire: bye})
}

// after returns a Quirk.Wire that calls what once, before the camera sends access unit n of a session, counted from 1
// over all tracks.
func after(n int, what func(*Session)) func(*Session) func([]Packet) []Packet {
	return func(s *Session) func([]Packet) []Packet {
		units := 0
		return func(p []Packet) []Packet {
			if units++; units == n {
				what(s)
			}
			return p
		}
	}
}

// bye is a Quirk.Wire that sends a goodbye for every track after the last picture of the clip's first period, and no
// media after the goodbyes.
func bye(s *Session) func([]Packet) []Packet {
	over := false
	return func(p []Packet) []Packet {
		if over {
			return nil
		}
		if p[0].Sender.Index == 0 && p[0].N == pictures-1 {
			over = true
			for _, pkt := range p {
				_ = s.Send(pkt)
			}
			for _, k := range s.senders {
				_ = k.Bye()
			}
			return nil
		}
		return p
	}
}

// serverRequests is a Quirk.Wire that sends OPTIONS, GET_PARAMETER and SET_PARAMETER to the client before every 20th
// access unit. It waits for the answer to each; without one it closes the connection.
func serverRequests(s *Session) func([]Packet) []Packet {
	units := 0
	return func(p []Packet) []Packet {
		if units++; units%20 != 0 {
			return p
		}
		for _, seq := range []string{
			s.Ask("OPTIONS"), s.Ask("GET_PARAMETER"), s.Ask("SET_PARAMETER", "Content-Type: text/parameters"),
		} {
			if !s.answered(seq) {
				s.HangUp()
				return nil
			}
		}
		return p
	}
}
