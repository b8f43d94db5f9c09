package rtsptest

// moved returns a Quirk.Answer that redirects DESCRIBE to another address.
func moved(status int, to func(*Session) string) func(*Exchange) {
	return on("DESCRIBE", func(x *Exchange) {
		x.Response = &Response{Status: status, Reason: "Moved", Header: []string{"Location: " + to(x.Session)}}
	})
}

// here returns a function for the parameter to of moved: it returns the URL of path at the same camera.
func here(path string) func(*Session) string {
	return func(s *Session) string { return "rtsp://" + s.nc.LocalAddr().String() + "/" + path }
}

func init() {
	add(Quirk{Name: "redirect", Doc: "DVRs that send to the stream of a channel, on the same host", Answer: moved(302, here("redirected"))})
	add(Quirk{Name: "redirected", Doc: "where redirect leads"})
	add(Quirk{Name: "redirect-relative", Doc: "DVRs whose Location is a path alone", Answer: moved(301, func(*Session) string { return "/redirected" })})
	add(Quirk{Name: "redirect-auth", Doc: "DVRs that send to a stream that wants the password", Auth: []string{"MD5"}, Answer: moved(302, here("redirected-auth"))})
	add(Quirk{Name: "redirected-auth", Doc: "where redirect-auth leads", Auth: []string{"MD5"}})
	add(Quirk{Name: "redirect-port", Doc: "recorders with a server of its own for each channel: another port, and the same password", Auth: []string{"MD5"},
		Answer: moved(302, func(s *Session) string { return "rtsp://" + s.camera.other.Addr().String() + "/redirected-port" })})
	add(Quirk{Name: "redirected-port", Doc: "where redirect-port leads", Auth: []string{"MD5"}})
	add(Quirk{Name: "redirect-loop", Doc: "DVRs without the channel", Answer: moved(302, here("redirect-loop"))})
	add(Quirk{Name: "redirect-three", Doc: "DVRs behind a gateway: three hops", Answer: moved(302, here("redirect-two"))})
	add(Quirk{Name: "redirect-two", Doc: "the first of them", Answer: moved(302, here("redirect"))})
	add(Quirk{Name: "redirect-four", Doc: "more hops than that", Answer: moved(302, here("four-1"))})
	add(Quirk{Name: "four-1", Doc: "the first of them", Answer: moved(302, here("four-2"))})
	add(Quirk{Name: "four-2", Doc: "the second", Answer: moved(302, here("four-3"))})
	add(Quirk{Name: "four-3", Doc: "the third", Answer: moved(302, here("too-far"))})
	add(Quirk{Name: "too-far", Doc: "where redirect-four leads"})
	add(Quirk{Name: "redirect-elsewhere", Doc: "an attacker in the camera's place: another host, which must not see the password", Auth: []string{"Basic"},
		Answer: moved(302, func(s *Session) string { return "rtsp://" + s.camera.elsewhere.Addr().String() + "/stolen" })})
	add(Quirk{Name: "stolen", Doc: "where redirect-elsewhere leads", Auth: []string{"Basic"}})
}
