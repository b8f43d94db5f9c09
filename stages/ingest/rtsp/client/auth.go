package client

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"slices"
	"strings"

	"github.com/gospool/spool/stages/ingest/rtsp/authscheme"
)

// ErrCredentials is the error of a request that the server refuses because of the URL's user or password. Attempts in
// quick succession may lock the account.
var ErrCredentials = errors.New("the user or password is refused")

// errNoCredentials is the error of a request that the server challenges although the URL has no user.
var errNoCredentials = errors.New("the server requires a user and password: write them into the URL, as rtsp://user:password@host/path, with special characters percent-encoded")

// credentials authenticates requests with the URL's user and password (RFC 7616, RFC 7617).
type credentials struct {
	user, pass string
	challenge  challenge // the chosen challenge; empty before the first
	cnonce     string
	count      uint32 // number of requests with the nonce of the challenge
	proven     bool   // the server has accepted a request with the challenge
	secret     bool   // the server has offered Digest: the client never sends the password itself
}

func credentialsOf(u *url.Userinfo) *credentials {
	if u == nil {
		return nil
	}
	pass, _ := u.Password()
	return &credentials{user: u.Username(), pass: pass}
}

// take chooses the strongest supported challenge for the requests that follow. It returns an error if no challenge is
// supported. It also returns an error if the strongest is Basic and the server offers Digest too, or has offered it
// before: an attacker on the way may offer Basic to get the password.
func (c *credentials) take(from []challenge) error {
	c.secret = c.secret || slices.ContainsFunc(from, func(o challenge) bool { return o.Name == "digest" })
	best := slices.MaxFunc(append(from, challenge{}), func(a, b challenge) int { return cmp.Compare(a.strength(), b.strength()) })
	if best.strength() == 0 {
		return errors.New("the server requires an unsupported authentication scheme: Digest with MD5 or SHA-256, and Basic are supported")
	}
	if best.Name == "basic" && c.secret {
		return errors.New("the server offers Basic beside, or after, an unsupported Digest: the plain password is not sent; Digest with MD5 or SHA-256 is supported")
	}
	c.challenge, c.count, c.cnonce, c.proven = best, 0, rand.Text(), false
	return nil
}

// header returns the value of Authorization for a request; empty before the first challenge, and for nil credentials.
func (c *credentials) header(method, uri string) string {
	if c == nil || c.challenge.Name == "" {
		return ""
	}
	if c.challenge.Name == "basic" {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.pass))
	}
	return c.digest(method, uri)
}

func (c *credentials) digest(method, uri string) string {
	of, p := c.challenge.hash(), c.challenge.Params
	c.count++
	nonce, nc := p["nonce"], fmt.Sprintf("%08x", c.count)
	secret := of(c.user, p["realm"], c.pass)
	if strings.HasSuffix(strings.ToLower(p["algorithm"]), "-sess") {
		secret = of(secret, nonce, c.cnonce)
	}
	response := of(secret, nonce, of(method, uri))
	if c.challenge.qop() {
		response = of(secret, nonce, nc, c.cnonce, "auth", of(method, uri))
	}
	out := "Digest username=" + quote(c.user) + ", realm=" + quote(p["realm"]) + ", nonce=" + quote(nonce) +
		", uri=" + quote(uri) + `, response="` + response + `"`
	if a := p["algorithm"]; a != "" {
		out += ", algorithm=" + a
	}
	if opaque, has := p["opaque"]; has {
		out += ", opaque=" + quote(opaque)
	}
	if c.challenge.qop() {
		out += `, qop=auth, nc=` + nc + `, cnonce="` + c.cnonce + `"`
	}
	return out
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// challenge is one challenge of a WWW-Authenticate header.
type challenge struct{ authscheme.Scheme }

func readChallenges(headers []string) (out []challenge) {
	for _, s := range authscheme.Read(headers) {
		out = append(out, challenge{s})
	}
	return out
}

// strength returns a number by which challenges are compared: a stronger one has a greater number, an unsupported one
// has 0.
func (c challenge) strength() int {
	switch algorithm := strings.ToLower(c.Params["algorithm"]); {
	case c.Name == "basic":
		return 1
	case c.Name != "digest" || c.Params["nonce"] == "":
		return 0
	case algorithm == "sha-256" || algorithm == "sha-256-sess":
		return 3
	case algorithm == "" || algorithm == "md5" || algorithm == "md5-sess":
		return 2
	}
	return 0
}

func (c challenge) qop() bool {
	for v := range strings.SplitSeq(c.Params["qop"], ",") {
		if strings.EqualFold(strings.TrimSpace(v), "auth") {
			return true
		}
	}
	return false
}

// nonce returns a text that differs between two challenges with different nonces. It is the same for all Basic
// challenges.
func (c challenge) nonce() string { return c.Name + " " + c.Params["nonce"] }

func (c challenge) stale() bool { return strings.EqualFold(c.Params["stale"], "true") }

func (c challenge) hash() func(parts ...string) string {
	sum := md5.New
	if c.strength() == 3 {
		sum = sha256.New
	}
	return func(parts ...string) string { return hexOf(sum(), strings.Join(parts, ":")) }
}

func hexOf(h hash.Hash, text string) string {
	_, _ = h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}
