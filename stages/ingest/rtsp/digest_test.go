package rtsp

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest"
)

// keeper is an Authorizer that knows the user cam with the password right, also by digest, and counts its calls.
type keeper struct {
	offers ingest.Digests
	basic  atomic.Int64
	digest atomic.Int64
}

func newKeeper() *keeper {
	return &keeper{offers: ingest.Digests{Realm: "yard", MD5: true, SHA256: true, All: true}}
}

func (k *keeper) Digests() ingest.Digests { return k.offers }

func (k *keeper) Authorize(_ context.Context, r ingest.AccessRequest) error {
	c := r.Credentials
	switch d := c.Digest; {
	case d != nil:
		k.digest.Add(1)
		if c.Name == "cam" && d.Hash == respond(d, "right") {
			return nil
		}
		return errors.New("wrong digest")
	case c.Name != "":
		k.basic.Add(1)
		if c.Name == "cam" && c.Password == "right" {
			return nil
		}
		return errors.New("wrong")
	}
	return errors.New("no name and password")
}

// respond hashes by RFC 7616, independently of the code under test.
func respond(d *ingest.Digest, password string) string {
	sum := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	if d.SHA256 {
		sum = func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	}
	middle := d.Nonce
	if d.QOP != "" {
		middle += ":" + d.Count + ":" + d.ClientNonce + ":" + d.QOP
	}
	return sum(sum(d.Name+":"+d.Realm+":"+password) + ":" + middle + ":" + sum(d.Method+":"+d.URI))
}

func header(d *ingest.Digest, password string) string {
	out := fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, d.Name, d.Realm, d.Nonce, d.URI, respond(d, password))
	if d.SHA256 {
		out += ", algorithm=SHA-256"
	}
	if d.QOP != "" {
		out += fmt.Sprintf(`, qop=%s, nc=%s, cnonce="%s"`, d.QOP, d.Count, d.ClientNonce)
	}
	return out
}

// asked announces, and returns the challenges of the answer.
func (k *talk) asked(u string, headers ...string) (status string, challenges []string) {
	k.t.Helper()
	k.anew()
	require.NoError(k.t, k.write(announceOf(u, announceSDP, append(headers, sdpType)...)))
	var res base.Response
	require.NoError(k.t, res.Unmarshal(k.in))
	return fmt.Sprint(res.StatusCode), res.Header["WWW-Authenticate"]
}

var nonceIn = regexp.MustCompile(`nonce="([^"]+)"`)

// public makes a server on loopback treat passwords as a server that strangers reach.
func (r *fixture) public(k *keeper, cfg Config) (s *Server, addr string) {
	cfg.Authorizer, cfg.public = k, true
	return r.serve(cfg)
}

// A client answers the strongest challenge that it supports, for any user.
func TestTheChallengesForAClient(t *testing.T) {
	const md5, sha, basic = `Digest realm="yard", nonce="N", algorithm=MD5`, `Digest realm="yard", nonce="N", algorithm=SHA-256`, `Basic realm="yard"`
	for name, tc := range map[string]struct {
		offers ingest.Digests
		cfg    Config
		want   []string
	}{
		"public":                        {ingest.Digests{Realm: "yard", MD5: true, SHA256: true, All: true}, Config{public: true}, []string{sha, md5}},
		"public, some have none":        {ingest.Digests{Realm: "yard", MD5: true, SHA256: true}, Config{public: true}, []string{sha, md5}},
		"public, MD5":                   {ingest.Digests{Realm: "yard", MD5: true, All: true}, Config{public: true}, []string{md5}},
		"public, SHA-256":               {ingest.Digests{Realm: "yard", SHA256: true, All: true}, Config{public: true}, []string{sha}},
		"public, none":                  {ingest.Digests{}, Config{public: true}, nil},
		"public, plain":                 {ingest.Digests{Realm: "yard", MD5: true, All: true}, Config{public: true, PlainBasic: true}, []string{md5, basic}},
		"public, plain, some have none": {ingest.Digests{Realm: "yard", MD5: true}, Config{public: true, PlainBasic: true}, []string{basic}},
		"loopback":                      {ingest.Digests{Realm: "yard", MD5: true, SHA256: true, All: true}, Config{}, []string{sha, md5, basic}},
		"loopback, some have none":      {ingest.Digests{Realm: "yard", MD5: true, SHA256: true}, Config{}, []string{basic}},
		"loopback, none":                {ingest.Digests{}, Config{}, []string{`Basic realm="spool"`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			tc.cfg.Authorizer = &keeper{offers: tc.offers}
			_, addr := r.serve(tc.cfg)
			status, got := dial(t, addr).asked("rtsp://" + addr + "/x")
			require.Equal(t, "401", status)
			nonces := map[string]bool{}
			for i := range got {
				for _, m := range nonceIn.FindAllStringSubmatch(got[i], -1) {
					nonces[m[1]] = true
				}
				got[i] = nonceIn.ReplaceAllString(got[i], `nonce="N"`)
			}
			require.Equal(t, tc.want, []string(got))
			require.LessOrEqual(t, len(nonces), 1, "clients mix the two digests up")
		})
	}
}

// Responses as clients write them, after a challenge on the same connection.
func TestResponsesOfManyClients(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(d *ingest.Digest, host string)
		pass  string
		want  string // empty: 200
	}{
		"MD5":                {},
		"SHA-256":            {spoil: func(d *ingest.Digest, _ string) { d.SHA256 = true }},
		"qop":                {spoil: func(d *ingest.Digest, _ string) { d.QOP, d.Count, d.ClientNonce = "auth", "00000001", "c" }},
		"slash at the end":   {spoil: func(d *ingest.Digest, h string) { d.URI = "rtsp://" + h + "/live/x/" }},
		"path only":          {spoil: func(d *ingest.Digest, _ string) { d.URI = "/live/x" }},
		"as it knows itself": {spoil: func(d *ingest.Digest, _ string) { d.URI = "rtsp://recorder.example:554/live/x" }},
		"wrong password":     {pass: "wrong", want: "401"},
		"another's name":     {spoil: func(d *ingest.Digest, _ string) { d.Name = "other" }, want: "401"},
		"another stream's":   {spoil: func(d *ingest.Digest, h string) { d.URI = "rtsp://" + h + "/live/y" }, want: "401"},
		"no stream's":        {spoil: func(d *ingest.Digest, h string) { d.URI = "*" }, want: "401"},
		"another method's":   {spoil: func(d *ingest.Digest, _ string) { d.Method = "DESCRIBE" }, want: "401"},
		"another realm's":    {spoil: func(d *ingest.Digest, _ string) { d.Realm = "street" }, want: "401"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			keeper := newKeeper()
			s, addr := r.public(keeper, Config{})
			u := "rtsp://" + addr + "/live/x"
			k := dial(t, addr)
			_, challenges := k.asked(u)
			d := &ingest.Digest{Name: "cam", Realm: "yard", Nonce: nonceIn.FindStringSubmatch(challenges[0])[1], Method: "ANNOUNCE", URI: u}
			if tc.spoil != nil {
				tc.spoil(d, addr)
			}
			pass := tc.pass
			if pass == "" {
				pass = "right"
			}
			status, again := k.asked(u, header(d, pass))
			if tc.want == "" {
				require.Equal(t, "200", status)
				return
			}
			require.Equal(t, tc.want, status)
			require.NotEmpty(t, again, "it is asked again, on another connection")
			for _, c := range again {
				require.NotContains(t, c, "stale")
			}
			k.closes()
			require.EqualValues(t, 1, s.Counts().Publishers)
			r.showsNo("right", d.Nonce, respond(d, pass))
		})
	}
}

// A replayed response does not authorize a client; a client that knows the password learns that only its nonce was
// old, and continues.
func TestANonceIsOfOneConnection(t *testing.T) {
	r := newFixture(t)
	_, addr := r.public(newKeeper(), Config{})
	u := "rtsp://" + addr + "/live/x"
	first := dial(t, addr)
	_, challenges := first.asked(u)
	heard := &ingest.Digest{Name: "cam", Realm: "yard", Nonce: nonceIn.FindStringSubmatch(challenges[0])[1], Method: "ANNOUNCE", URI: u}

	second := dial(t, addr)
	status, challenges := second.asked(u, header(heard, "right"))
	require.Equal(t, "401", status)
	require.Len(t, challenges, 2)
	for _, c := range challenges {
		require.Contains(t, c, ", stale=TRUE")
	}
	status, challenges = second.asked(u, header(heard, "right"))
	require.Equal(t, "401", status, "the second attempt is refused, too")
	fresh := *heard
	fresh.Nonce = nonceIn.FindStringSubmatch(challenges[0])[1]
	require.NotEqual(t, heard.Nonce, fresh.Nonce)
	status, _ = second.asked(u, header(&fresh, "right"))
	require.Equal(t, "200", status)

	third := dial(t, addr)
	status, challenges = third.asked(u, header(heard, "wrong"))
	require.Equal(t, "401", status)
	require.NotContains(t, challenges[0], "stale", "the password is wrong, too")
	third.closes()
	own := *heard
	own.URI = u + "2"
	status, _ = first.asked(own.URI, header(&own, "right"))
	require.Equal(t, "200", status, "its own connection keeps it")
}

// A plain password on a connection that strangers can read is refused unchecked.
func TestAPlainPasswordOnAReadableNetworkIsRefused(t *testing.T) {
	r := newFixture(t)
	keeper := newKeeper()
	s, addr := r.public(keeper, Config{})
	u := "rtsp://" + addr + "/live/x"
	k := dial(t, addr)
	for _, pass := range []string{"right", "wrong"} {
		status, challenges := k.asked(u, basic("cam", pass))
		require.Equal(t, "401", status)
		require.Len(t, challenges, 2)
		require.NotContains(t, strings.Join(challenges, " "), "Basic")
	}
	require.Zero(t, keeper.basic.Load())
	require.EqualValues(t, 2, s.Counts().Publishers)
	require.Contains(t, r.book.String(), "it sent its password unencrypted")
	_, challenges := k.asked(u)
	d := &ingest.Digest{Name: "cam", Realm: "yard", Nonce: nonceIn.FindStringSubmatch(challenges[0])[1], Method: "ANNOUNCE", URI: u}
	status, _ := k.asked(u, header(d, "right"))
	require.Equal(t, "200", status, "it may still do better")

	_, addr = r.public(keeper, Config{PlainBasic: true})
	require.Equal(t, []string{"200 OK"}, exchange(t, addr, announceOf("rtsp://"+addr+"/live/y", announceSDP, sdpType, basic("cam", "right"))))
	require.EqualValues(t, 1, keeper.basic.Load())
}

// gortsplib's client answers SHA-256, and ffmpeg MD5, of the same challenges.
func TestClientsPublishByDigest(t *testing.T) {
	r := newFixture(t)
	keeper := newKeeper()
	_, addr := r.public(keeper, Config{UDP: freeUDPPair(t)})
	file := clip(t, "h264", x264...)
	f := film(t, file, false)
	f.publish(t, "rtsp://cam:right@"+addr+"/lib", true, nil).Close()
	require.Error(t, (&gortsplib.Client{}).StartRecording("rtsp://cam:wr0ngpass@"+addr+"/lib", f.description()))
	for _, transport := range []string{"tcp", "udp"} {
		wait := r.record("live/" + transport)
		ffmpeg(t, "-re", "-i", file, "-t", "2", "-c", "copy", "-f", "rtsp", "-rtsp_transport", transport, "rtsp://cam:right@"+addr+"/live/"+transport)
		require.NotEmpty(t, wait().units)
	}
	require.Zero(t, keeper.basic.Load())
	require.EqualValues(t, 4, keeper.digest.Load())
	r.showsNo("wr0ngpass", "right@")
}
