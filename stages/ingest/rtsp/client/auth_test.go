package client

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/authscheme"
)

const user, password = "ad\"min", "p:s$w@rd"

// guard answers 401 to requests without credentials for its nonce.
type guard struct {
	challenges func(nonce string) []string
	nonce      string
	used       int // requests with this nonce
	valid      int // of them are accepted; 0: all
	stale      bool
}

func (g *guard) asks(w *wireConn, r *ask) bool {
	a := r.header["authorization"]
	if a != "" {
		g.used++
	}
	expired := g.valid > 0 && g.used > g.valid
	if a != "" && !expired && rightDigest(a, r.method, g.nonce) {
		return false
	}
	if expired || g.nonce == "" {
		g.nonce, g.used = "n"+itoa(len(w.asked(r.method)))+r.method, 0
	}
	var headers []string
	for _, c := range g.challenges(g.nonce) {
		if expired && g.stale {
			c += ", stale=TRUE"
		}
		headers = append(headers, "WWW-Authenticate: "+c)
	}
	return w.reply("401 Unauthorized", headers...)
}

// rightDigest checks the credentials of a request by the rules of RFC 7616, independently of the code under test.
func rightDigest(a, method, nonce string) bool {
	p := authscheme.Read([]string{a})[0].Params
	if strings.HasPrefix(a, "Basic ") {
		return a == "Basic YWQibWluOnA6cyR3QHJk"
	}
	sum := func(s string) string { return hexOf(md5.New(), s) }
	if strings.HasPrefix(p["algorithm"], "SHA-256") {
		sum = func(s string) string { return hexOf(sha256.New(), s) }
	}
	secret := sum(user + ":" + p["realm"] + ":" + password)
	if strings.HasSuffix(p["algorithm"], "-sess") {
		secret = sum(secret + ":" + nonce + ":" + p["cnonce"])
	}
	middle := nonce
	if p["qop"] != "" {
		middle += ":" + p["nc"] + ":" + p["cnonce"] + ":" + p["qop"]
	}
	return p["username"] == user && p["nonce"] == nonce && p["response"] == sum(secret+":"+middle+":"+sum(method+":"+p["uri"]))
}

func (f *fake) guarded(g *guard) {
	for _, m := range []string{"OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN"} {
		f.on[m] = g.asks
	}
}

func (f *fake) urlWith(user, password string) *url.URL {
	u := f.url("/cam?a=b&c=%20d")
	u.User = url.UserPassword(user, password)
	return u
}

// TestChallengesAreAnswered plays cameras that spell their challenges in many ways, and offer several: the client
// answers the strongest supported one.
func TestChallengesAreAnswered(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		challenges func(nonce string) []string
		want       string
	}{
		"MD5":      {func(n string) []string { return []string{`Digest realm="cam", nonce="` + n + `"`} }, "Digest username"},
		"MD5, qop": {func(n string) []string { return []string{`Digest realm="cam", nonce="` + n + `", qop="auth,auth-int"`} }, "qop=auth"},
		"SHA-256":  {func(n string) []string { return []string{`Digest realm="cam", nonce="` + n + `", algorithm=SHA-256`} }, "algorithm=SHA-256"},
		"session": {func(n string) []string {
			return []string{`Digest realm="cam", nonce="` + n + `", algorithm=MD5-sess, qop=auth`}
		}, "algorithm=MD5-sess"},
		"Basic": {func(string) []string { return []string{`Basic realm="cam"`} }, "Basic "},
		"several headers": {func(n string) []string {
			return []string{`Basic realm="c"`, `Digest realm="c", nonce="` + n + `"`, `Digest realm="c", nonce="` + n + `", algorithm=SHA-256`}
		}, "SHA-256"},
		"several in one": {func(n string) []string {
			return []string{`Basic realm="c, d", Digest realm="c, d", nonce="` + n + `", opaque=""`}
		}, `realm="c, d"`},
		"unknown algorithm": {func(n string) []string {
			return []string{`Digest realm="c", nonce="` + n + `", algorithm=SHA-9`, `Digest realm="c", nonce="` + n + `"`}
		}, "Digest username"},
		"unknown scheme":  {func(string) []string { return []string{`Negotiate`, `Basic realm="c"`} }, "Basic "},
		"odd case":        {func(n string) []string { return []string{`DIGEST Realm = "cam" ,NONCE= "` + n + `",Algorithm="md5"`} }, "algorithm=md5"},
		"no quotes":       {func(n string) []string { return []string{`Digest realm=IP Camera, nonce=` + n} }, `realm="IP Camera"`},
		"quotes in realm": {func(n string) []string { return []string{`Digest realm="IP \"Camera\"", nonce="` + n + `"`} }, `realm="IP \"Camera\""`},
		"no quote at end": {func(n string) []string { return []string{`Digest nonce="` + n + `", realm="cam`} }, `realm="cam"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.guarded(&guard{challenges: tc.challenges})
			got := play(t, context.Background(), Options{URL: f.urlWith(user, password)})
			require.ErrorContains(t, got.err, "goodbye")
			require.Equal(t, [2][]int{seqs(1, 5), seqs(1, 5)}, got.seqs)
			asks := f.asked("DESCRIBE")
			require.Contains(t, asks[len(asks)-1].header["authorization"], tc.want)
		})
	}
}

// TestNoncesGoStale plays cameras whose nonce serves a few requests only, with a session so short that keep-alives
// meet that too.
func TestNoncesGoStale(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*guard{
		"stale":            {valid: 2, stale: true},
		"without a word":   {valid: 2},
		"for each request": {valid: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			g.challenges = func(n string) []string { return []string{`Digest realm="c", nonce="` + n + `"`} }
			accepted := make(chan struct{}, 100)
			f.guarded(g)
			f.on["GET_PARAMETER"] = func(w *wireConn, r *ask) bool {
				refused := g.asks(w, r)
				if !refused {
					accepted <- struct{}{}
				}
				return refused
			}
			f.on["SETUP"] = func(w *wireConn, r *ask) bool {
				return g.asks(w, r) || w.reply("200 OK", "Session: 1234;timeout=1", "Transport: "+w.setUp(r))
			}
			f.media = func(w *wireConn) {
				w.packets(1, 2)
				for range 3 {
					<-accepted
				}
				w.packets(3, 5)
				w.goodbye()
			}
			got := play(t, context.Background(), Options{URL: f.urlWith(user, password)})
			require.ErrorContains(t, got.err, "goodbye")
			require.Equal(t, [2][]int{seqs(1, 5), seqs(1, 5)}, got.seqs)
		})
	}
}

// TestAWrongPasswordIsTriedOnce counts the attempts for which a camera would lock an account.
func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	for name, challenges := range map[string]func(string) []string{
		"the same nonce":       func(string) []string { return []string{`Digest realm="c", nonce="n"`} },
		"a new nonce each 401": nil,
		"Basic":                func(string) []string { return []string{`Basic realm="c"`} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, n := newFake(t), 0
			f.on["OPTIONS"] = func(w *wireConn, _ *ask) bool {
				if challenges != nil {
					return w.reply("401 Unauthorized", "WWW-Authenticate: "+challenges("")[0])
				}
				n++
				return w.reply("401 Unauthorized", `WWW-Authenticate: Digest realm="c", nonce="`+itoa(n)+`"`)
			}
			got := play(t, context.Background(), Options{URL: f.urlWith(user, "wrong")})
			require.ErrorIs(t, got.err, ErrCredentials)
			tried := 0
			for _, r := range f.asked("OPTIONS") {
				if r.header["authorization"] != "" {
					tried++
				}
			}
			require.Equal(t, 1, tried)
		})
	}
}

func TestAWrongPasswordWithAStaleNonceEnds(t *testing.T) {
	f := newFake(t)
	f.on["OPTIONS"] = func(w *wireConn, r *ask) bool {
		return w.reply("401 Unauthorized", `WWW-Authenticate: Digest realm="c", nonce="`+itoa(r.n)+`", stale=true`)
	}
	got := play(t, context.Background(), Options{URL: f.urlWith(user, "wrong")})
	require.ErrorIs(t, got.err, ErrCredentials)
	require.Len(t, f.asked("OPTIONS"), attempts)
}

func TestCredentialsThatAreWantedAndMissing(t *testing.T) {
	for says, reply := range map[string]string{
		"rtsp://user:password@": `Digest realm="c", nonce="n"`,
	} {
		f := newFake(t)
		f.on["OPTIONS"] = func(w *wireConn, _ *ask) bool { return w.reply("401 Unauthorized", "WWW-Authenticate: "+reply) }
		got := play(t, context.Background(), Options{URL: f.url("/cam")})
		require.ErrorContains(t, got.err, says)
	}
	f := newFake(t)
	f.on["OPTIONS"] = func(w *wireConn, _ *ask) bool {
		return w.reply("401 Unauthorized", `WWW-Authenticate: Digest realm="c", nonce="n", algorithm=X`)
	}
	got := play(t, context.Background(), Options{URL: f.urlWith("a", "b"), ReadTimeout: time.Minute})
	require.ErrorContains(t, got.err, "Digest with MD5 or SHA-256")
}

// TestThePasswordIsNotSentAfterADigestChallenge plays servers, and attackers between, that ask for the password
// afterwards.
func TestThePasswordIsNotSentAfterADigestChallenge(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string][][]string{
		"a digest that is not known": {{`Digest realm="c", nonce="n", algorithm=SHA-512-256`, `Basic realm="c"`}},
		"a digest without a nonce":   {{`Basic realm="c", Digest realm="c"`}},
		"Basic after Digest":         {{`Digest realm="c", nonce="n"`}, {`Basic realm="c"`}},
		"Basic after a stale nonce":  {{`Digest realm="c", nonce="n"`}, {`Digest realm="c", nonce="m", stale=true`}, {`Basic realm="c"`}},
		"Basic for the next request": {{`Digest realm="c", nonce="n"`}, nil, {`Basic realm="c", stale=true`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, n := newFake(t), 0
			for _, m := range []string{"OPTIONS", "DESCRIBE"} {
				f.on[m] = func(w *wireConn, _ *ask) bool {
					n++
					if n > len(answers) || answers[n-1] == nil {
						return false
					}
					var headers []string
					for _, c := range answers[n-1] {
						headers = append(headers, "WWW-Authenticate: "+c)
					}
					return w.reply("401 Unauthorized", headers...)
				}
			}
			got := play(t, context.Background(), Options{URL: f.urlWith(user, password)})
			require.ErrorContains(t, got.err, "the plain password is not sent")
			for _, m := range []string{"OPTIONS", "DESCRIBE"} {
				for _, r := range f.asked(m) {
					require.NotContains(t, r.header["authorization"], "Basic")
				}
			}
		})
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Digest realm="a, b", nonce=n, Basic realm=c`)
	f.Add(`digest realm="\"`)
	f.Fuzz(func(t *testing.T, text string) {
		text, _ = newReader(strings.NewReader(text+"\n"), nil, nil).line(answer)
		c := &credentials{user: "u", pass: "p"}
		if c.take(readChallenges([]string{text})) == nil {
			require.NotContains(t, c.header("PLAY", "rtsp://h/"), "\n")
		}
	})
}
