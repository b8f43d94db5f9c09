package rtsptest

import "strings"

func init() {
	add(Quirk{Name: "stale-nonce", Doc: "cameras whose nonce is good for one request", Auth: []string{"MD5"}, Stale: func(s *Session, _ string) bool { return s.used() }})
	add(Quirk{Name: "stale-nonce-keep-alive", Doc: "cameras whose nonce lives for seconds: it is stale when the session is kept alive", Auth: []string{"MD5"}, Timeout: keepAlive,
		Stale: func(s *Session, _ string) bool { return s.used() && s.playing.Load() },
		Answer: on("OPTIONS", func(x *Exchange) { // some cameras require credentials for OPTIONS only within a session
			if x.Session.playing.Load() {
				if c := x.Session.challenge(x.Request); c != nil {
					x.Response = c
				}
			}
		})})
	add(Quirk{Name: "new-nonce-without-stale", Doc: "cameras that forget to say that it is the nonce", Auth: []string{"MD5"}, Stale: func(s *Session, _ string) bool { return s.used() },
		Answer: func(x *Exchange) {
			if x.Response != nil && x.Response.Status == 401 {
				for i, h := range x.Response.Header {
					x.Response.Header[i] = strings.Replace(h, `, stale="true"`, "", 1)
				}
			}
		}})
	add(Quirk{Name: "two-digests", Doc: "newer cameras: SHA-256 first, then MD5", Auth: []string{"SHA-256", "MD5"}})
	add(Quirk{Name: "sha-256", Doc: "newer cameras: SHA-256 alone", Auth: []string{"SHA-256", "SHA-256"}})
	add(Quirk{Name: "unknown-digest", Doc: "newer cameras: first an algorithm that few clients know", Auth: []string{"SHA-512-256", "MD5"}})
	add(Quirk{Name: "basic-and-digest", Doc: "cameras that take either", Auth: []string{"Basic", "MD5"}})
}

// used reports whether the current nonce was used before, and records that it is used now.
func (s *Session) used() bool {
	if s.usedNonce == s.nonce {
		return true
	}
	s.usedNonce = s.nonce
	return false
}
