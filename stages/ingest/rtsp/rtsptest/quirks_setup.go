package rtsptest

import "strings"

func init() {
	add(Quirk{Name: "setup-hangs-up", Doc: "cameras that crash where sound is asked for", Answer: on("SETUP", func(x *Exchange) {
		if strings.HasSuffix(x.Request.URL, "trackID=1") {
			x.Response, x.HangUp = nil, true
		}
	})})
	add(Quirk{Name: "tcp-without-media", Doc: "cameras that play over TCP and send nothing there", NoReports: true, Wire: func(s *Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			if s.senders[0].rtp == nil {
				return nil
			}
			return p
		}
	}})
}
