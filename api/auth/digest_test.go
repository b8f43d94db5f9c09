package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// The examples of RFC 7616, 3.9.1, and of RFC 2069, 2.4 as its errata correct it.
func TestResponsesOfTheStandards(t *testing.T) {
	for name, tc := range map[string]struct {
		user, realm, password string
		Response
	}{
		"RFC 7616, SHA-256": {"Mufasa", "http-auth@example.org", "Circle of Life", Response{
			SHA256: true, Nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", Method: "GET", URI: "/dir/index.html", QOP: "auth", Count: "00000001",
			ClientNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", Hash: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
		}},
		"RFC 7616, MD5": {"Mufasa", "http-auth@example.org", "Circle of Life", Response{
			Nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", Method: "GET", URI: "/dir/index.html", QOP: "auth", Count: "00000001",
			ClientNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", Hash: "8CA523F5E9506FED4657C9700EEBDBEC",
		}},
		"RFC 2069": {"Mufasa", "testrealm@host.com", "CircleOfLife", Response{
			Nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", Method: "GET", URI: "/dir/index.html", Hash: "1949323746fe6a43ef61f9606e7febea",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := HashDigest(tc.user, tc.realm, tc.password)
			require.NoError(t, err)
			d, err := NewDigests(map[string]Digest{tc.user: u}, pipeline.SystemClock)
			require.NoError(t, err)
			r := tc.Response
			r.Name, r.Realm = tc.user, tc.realm
			require.True(t, d.right(r))
			for what, spoil := range map[string]func(*Response){
				"name": func(r *Response) { r.Name = "mufasa" }, "realm": func(r *Response) { r.Realm = "other" }, "nonce": func(r *Response) { r.Nonce += "x" },
				"method": func(r *Response) { r.Method = "POST" }, "uri": func(r *Response) { r.URI += "/" }, "algorithm": func(r *Response) { r.SHA256 = !r.SHA256 },
				"hash": func(r *Response) { r.Hash = r.Hash[1:] }, "no hash": func(r *Response) { r.Hash = "" }, "qop": func(r *Response) { r.QOP = "auth-int" },
			} {
				bad := r
				spoil(&bad)
				require.False(t, d.right(bad), what)
			}
		})
	}
}

// A name without a digest cannot sign in, even with the dummy digest, which is known.
func TestAnUnknownNameCannotSignIn(t *testing.T) {
	u, err := HashDigest("cam", "spool", "secret")
	require.NoError(t, err)
	md5Only := Digest{Realm: "spool", MD5: strings.ToUpper(u.MD5)}
	d, err := NewDigests(map[string]Digest{"cam": md5Only}, pipeline.SystemClock)
	require.NoError(t, err)
	respond := func(name, ha1 string, sha bool) Response {
		sum := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
		if sha {
			sum = func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
		}
		return Response{SHA256: sha, Name: name, Realm: "spool", Nonce: "n", Method: "ANNOUNCE", URI: "/x", Hash: sum(ha1 + ":n:" + sum("ANNOUNCE:/x"))}
	}
	require.True(t, d.right(respond("cam", u.MD5, false)))
	require.False(t, d.right(respond("cam", u.SHA256, true)), "the user has no digest of this algorithm")
	require.False(t, d.right(respond("cam", "", true)), "an empty digest matches nothing")
	dummy, err := HashDigest("nobody", "nowhere", "nothing")
	require.NoError(t, err)
	for _, name := range []string{"nobody", "", "other"} {
		require.False(t, d.right(respond(name, dummy.MD5, false)), name)
		require.False(t, d.right(respond(name, dummy.SHA256, true)), name)
	}
	none, err := NewDigests(nil, pipeline.SystemClock)
	require.NoError(t, err)
	empty := respond("nobody", dummy.MD5, false)
	empty.Realm = ""
	require.False(t, none.right(empty))
	require.False(t, none.rightPassword("nobody", "nothing"))
	require.False(t, none.Offers(false))
}

func TestAPasswordIsCheckedByItsDigest(t *testing.T) {
	both, err := HashDigest("a", "spool", "a's:secret")
	require.NoError(t, err)
	other, err := HashDigest("b", "spool", "b's secret")
	require.NoError(t, err)
	d, err := NewDigests(map[string]Digest{"a": both, "b": {Realm: "spool", MD5: other.MD5}}, pipeline.SystemClock)
	require.NoError(t, err)
	require.True(t, d.rightPassword("a", "a's:secret"))
	require.True(t, d.rightPassword("b", "b's secret"))
	for _, bad := range [][2]string{{"a", "b's secret"}, {"b", ""}, {"c", "a's:secret"}, {"nobody", "nothing"}, {"a", strings.Repeat("x", maxPassword+1)}} {
		require.False(t, d.rightPassword(bad[0], bad[1]), bad)
	}
	require.True(t, d.Offers(false))
	require.False(t, d.Offers(true), "b would be refused")
	require.Equal(t, "spool", d.Realm())
}

func TestMalformedDigestsAreRefused(t *testing.T) {
	good, err := HashDigest("cam", "spool", "secret")
	require.NoError(t, err)
	for says, d := range map[string]Digest{
		"neither md5 nor sha256":            {Realm: "spool"},
		"the realm \"\"":                    {MD5: good.MD5},
		"md5 is not 32 hexadecimal":         {Realm: "spool", MD5: good.SHA256},
		"sha256 is not 64 hexadecimal":      {Realm: "spool", SHA256: good.MD5},
		"quotes":                            {Realm: `sp"ool`, MD5: good.MD5},
		"backslashes":                       {Realm: `sp\ool`, MD5: good.MD5},
		"control characters":                {Realm: "sp\r\nool", MD5: good.MD5},
		"the name \"a b\\\"c\" is no text ": {Realm: "spool", MD5: good.MD5},
	} {
		name := "cam"
		if strings.HasPrefix(says, "the name") {
			name = `a b"c`
		}
		require.ErrorContains(t, d.Check(name), says)
	}
	for _, c := range []string{"", "a:b", `a"b`, strings.Repeat("x", 129)} {
		_, err := HashDigest(c, "spool", "x")
		require.Error(t, err, c)
	}
	_, err = HashDigest("cam", "spool", "")
	require.ErrorContains(t, err, "empty")
	_, err = NewDigests(map[string]Digest{"a": good, "b": {Realm: "other", MD5: good.MD5}}, pipeline.SystemClock)
	require.ErrorContains(t, err, "a server asks for one")
}

// Wrong responses are limited as wrong passwords are; a right response is accepted all the same.
func TestWrongResponsesAreThrottledAndRightOnesAreNot(t *testing.T) {
	u, err := HashDigest("cam", "spool", "secret")
	require.NoError(t, err)
	clock := &passing{turned{at: time.Unix(1e9, 0)}}
	d, err := NewDigests(map[string]Digest{"cam": u}, clock)
	require.NoError(t, err)
	respond := func(name, password string) Response {
		r := Response{SHA256: true, Name: name, Realm: "spool", Nonce: "n", Method: "ANNOUNCE", URI: "/x"}
		r.Hash = digestOf(true, digestOf(true, name, "spool", password), r.Nonce, digestOf(true, r.Method, r.URI))
		return r
	}
	seen := NewFailures(nil)
	try := func(remote, name, password string, known bool) error {
		return d.Check(t.Context(), seen, remote, respond(name, password), known)
	}
	const here, there = "192.0.2.1:1", "192.0.2.2:1"
	for range DefaultFailures {
		require.Equal(t, ErrWrong, try(here, "cam", "guess", true))
	}
	require.ErrorIs(t, try(here, "cam", "guess", true), ErrBlocked)
	require.NoError(t, try(here, "cam", "secret", true), "a right response is accepted")
	require.ErrorIs(t, try(here, "cam", "guess", true), ErrBlocked)
	require.Equal(t, ErrWrong, try(there, "cam", "guess", true), "another address")
	require.Equal(t, ErrWrong, try(here, "stranger", "guess", false), "another name")
	blocked := false
	for i := range sharedFailures * DefaultFailures {
		blocked = blocked || errors.Is(try(here, fmt.Sprint("stranger", i), "guess", false), ErrBlocked)
	}
	require.True(t, blocked, "an address, whatever the names are")
	require.NoError(t, try(here, "cam", "secret", true))
	clock.turn(time.Minute)
	require.Equal(t, ErrWrong, try(here, "cam", "guess", true))
	counts := map[Reason]uint64{}
	seen.Each(func(r Reason, n uint64) { counts[r] = n })
	require.EqualValues(t, DefaultFailures+2, counts[WrongPassword])
	require.Positive(t, counts[UnknownName])
	require.Positive(t, counts[Throttled])
}
