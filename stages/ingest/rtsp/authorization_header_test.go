package rtsp

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest"
)

func authorizationOf(values ...string) authorization {
	return readAuthorization(&base.Request{Method: base.Announce, Header: base.Header{"Authorization": values}})
}

func TestAuthorizationsInTheSpellingsOfClients(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	digest := func(sha bool, more ...func(*ingest.Digest)) authorization {
		d := &ingest.Digest{SHA256: sha, Name: "cam", Realm: "spool", Nonce: "n", Method: "ANNOUNCE", URI: "rtsp://h/x", Hash: "00ff"}
		for _, m := range more {
			m(d)
		}
		return authorization{sent: true, user: "cam", digest: d}
	}
	plain := func(user, password string) authorization {
		return authorization{sent: true, basic: true, user: user, password: password}
	}
	const ffmpeg = `Digest username="cam", realm="spool", nonce="n", uri="rtsp://h/x", response="00ff"`
	for text, want := range map[string]authorization{
		"Basic " + b64("cam:secret"):                         plain("cam", "secret"),
		"basic   " + strings.TrimRight(b64("cam:secr"), "="): plain("cam", "secr"),
		"Basic " + b64("cam:a:b:c"):                          plain("cam", "a:b:c"),
		"Basic " + b64("no colon"):                           {sent: true},
		"Basic !!!":                                          {sent: true},
		"Basic":                                              {sent: true},
		"":                                                   {sent: true},
		"Digest":                                             {sent: true},
		"Bearer x":                                           {sent: true},
		ffmpeg:                                               digest(false),
		ffmpeg + `, algorithm="MD5"`:                         digest(false),
		ffmpeg + `, algorithm=md5, opaque="x"`:               digest(false),
		ffmpeg + `, algorithm=SHA-256`:                       digest(true),
		ffmpeg + `, algorithm=MD5-sess`:                      {sent: true},
		ffmpeg + `, algorithm=SHA-512-256`:                   {sent: true},
		strings.Replace(ffmpeg, `username="cam"`, `a=b`, 1):   {sent: true},
		strings.Replace(ffmpeg, `nonce="n"`, `nonce=""`, 1):   {sent: true},
		strings.Replace(ffmpeg, `response="00ff"`, `a=b`, 1):  {sent: true},
		"DIGEST " + strings.ReplaceAll(ffmpeg[7:], ", ", ","): digest(false),
		ffmpeg + `, qop=auth, nc=00000001, cnonce="c"`: digest(false, func(d *ingest.Digest) {
			d.QOP, d.Count, d.ClientNonce = "auth", "00000001", "c"
		}),
		ffmpeg + ", x=" + strings.Repeat("x", maxAuthorizationBytes): {sent: true},
	} {
		require.Equal(t, want, authorizationOf(text), text)
	}
	require.Equal(t, authorization{}, authorizationOf())
	require.Equal(t, authorization{sent: true}, authorizationOf(ffmpeg, ffmpeg), "which of the two is not for us to say")
}

func TestTheURIOfADigestIsThatOfTheStream(t *testing.T) {
	for request, uris := range map[string]map[string]bool{
		"rtsp://10.0.0.5:8554/live/cam": {
			"rtsp://10.0.0.5:8554/live/cam": true, "rtsp://10.0.0.5:8554/live/cam/": true, "rtsp://public.example/live/cam": true, "/live/cam": true, "/live/cam?x=y": true,
			"rtsps://10.0.0.5/live/c%61m": true, "live/cam": true,
			"rtsp://10.0.0.5:8554/live/other": false, "rtsp://10.0.0.5:8554/live": false, "/live/cam/streamid=0": false, "*": false, "": false, "rtsp://10.0.0.5": false, "/live/cam%zz": false,
		},
		"rtsp://h/cam?key=value": {"rtsp://h/cam?key=value": true, "rtsp://h/cam": true, "rtsp://h/cam?other": true, "rtsp://h/?/cam": false},
	} {
		u, err := base.ParseURL(request)
		require.NoError(t, err)
		for uri, want := range uris {
			require.Equal(t, want, isOf(uri, u), "%s for %s", uri, request)
		}
	}
}

// FuzzAuthorization also hashes the parsed response, as its check does.
func FuzzAuthorization(f *testing.F) {
	f.Add(`Digest username="cam", realm="spool", nonce="n", uri="rtsp://h/x", response="00ff", algorithm=SHA-256, qop=auth, nc=1, cnonce=c`)
	f.Add("Basic Y2FtOnNlY3JldA==")
	f.Add("Digest ,=,\"")
	u, err := base.ParseURL("rtsp://h/x")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		a := authorizationOf(text)
		require.True(t, a.sent)
		require.False(t, a.basic && a.digest != nil)
		if a.digest != nil {
			require.NotEmpty(t, a.user)
			require.LessOrEqual(t, len(a.digest.URI), len(text))
			isOf(a.digest.URI, u)
		}
	})
}
