package rtsptest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strings"
)

// digests holds the hash functions of Digest by algorithm (RFC 7616, 6.1).
var digests = map[string]func() hash.Hash{"MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256}

const realm = "IP Camera(12345)"

// challenge returns the response 401 to a request without valid credentials. It returns nil if the credentials are
// valid, or if the quirk has no access control.
func (s *Session) challenge(r *Request) *Response {
	if len(s.quirk.Auth) == 0 {
		return nil
	}
	stale := false
	kind, text, _ := strings.Cut(r.Header["authorization"], " ")
	switch {
	case strings.EqualFold(kind, "Basic") && s.offers("Basic"):
		if text == basic {
			return nil
		}
	case strings.EqualFold(kind, "Digest"):
		if s.digest(r.Method, fields(text)) {
			if s.quirk.Stale == nil || !s.quirk.Stale(s, r.Method) {
				return nil
			}
			stale = true
			s.nonce = ""
		}
	}
	return s.unauthorized(stale)
}

func (s *Session) offers(kind string) bool {
	for _, a := range s.quirk.Auth {
		if a == kind {
			return true
		}
	}
	return false
}

// unauthorized returns a response of 401, with the challenges of the quirk in their order.
func (s *Session) unauthorized(stale bool) *Response {
	if s.nonce == "" {
		s.nonces++
		s.nonce = fmt.Sprintf("%032x", 0x5eed+s.nonces)
	}
	out := refuse(401, "Unauthorized")
	for _, a := range s.quirk.Auth {
		if a == "Basic" {
			out.Header = append(out.Header, `WWW-Authenticate: Basic realm="`+realm+`"`)
			continue
		}
		line := fmt.Sprintf(`WWW-Authenticate: Digest realm="%s", nonce="%s"`, realm, s.nonce)
		if len(s.quirk.Auth) > 1 {
			line += ", algorithm=" + a
		}
		if stale {
			line += `, stale="true"`
		}
		out.Header = append(out.Header, line)
	}
	return out
}

var field = regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^",\s]+))`)

func fields(text string) map[string]string {
	out := map[string]string{}
	for _, m := range field.FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[2] + m[3]
	}
	return out
}

// digest reports whether the parameters of an Authorization header are a valid response to the challenge (RFC 7616,
// 3.4; RFC 2617 without qop).
func (s *Session) digest(method string, f map[string]string) bool {
	algorithm := f["algorithm"]
	if algorithm == "" {
		algorithm = "MD5"
	}
	sum := digests[algorithm]
	if sum == nil || !s.offers(algorithm) || s.nonce == "" || f["nonce"] != s.nonce || f["username"] != User || f["realm"] != realm {
		return false
	}
	h := func(text string) string {
		d := sum()
		d.Write([]byte(text))
		return hex.EncodeToString(d.Sum(nil))
	}
	return f["response"] == h(h(User+":"+realm+":"+Password)+":"+s.nonce+":"+h(method+":"+f["uri"]))
}
