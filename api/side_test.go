package api

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline"
)

// withSide adds the listener for clients of MediaMTX's playback server.
func withSide(c *Config, d *Deps) {
	c.MediaMTX = MediaMTX{Listen: "127.0.0.1:0", Origins: []string{"https://nvr.example"}}
	d.Clips = &clip.Library{}
}

func TestTheSideDoorHasTheRulesOfTheAPI(t *testing.T) {
	w := newFixture(t)
	s := w.server(withSide)
	const none = "no recording segments found"
	require.Equal(t, none, do(s.side.handler, "GET", "/list?path=none", "").json(t)["error"])
	do(s.side.handler, "GET", "/list?path=none", "", "Host", "evil.example").refused(t, 403)
	do(s.side.handler, "GET", "/a/../list?path=none", "").refused(t, 400)
	require.Equal(t, 404, do(s.side.handler, "POST", "/mp4/start/live/camera01", "").code)
	require.Empty(t, w.recording, "the API is not behind it")
	h := do(s.side.handler, "GET", "/list?path=none", "", "Origin", "https://other.example").header
	require.Empty(t, h.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))

	secured := w.server(withSide, func(c *Config, _ *Deps) {
		c.Auth.Tokens = []auth.Token{{Token: "0123456789abcdef", Roles: []auth.Role{auth.View}}}
	})
	for authorization, code := range map[string]int{"Bearer 0123456789abcdef": 404, "Bearer fedcba9876543210": 401, "": 401} {
		require.Equal(t, code, do(secured.side.handler, "GET", "/list?path=none", "", "Authorization", authorization).code, authorization)
	}
}

func TestTheSideDoorIsCheckedAsTheFront(t *testing.T) {
	w := newFixture(t)
	for _, c := range []struct {
		change func(*Config, *Deps)
		want   string
	}{
		{func(c *Config, _ *Deps) { c.MediaMTX.Listen = "9996" }, `http.mediamtx.listen "9996": want host:port`},
		{func(c *Config, _ *Deps) { c.MediaMTX.Listen = "0.0.0.0:9996" }, `http.mediamtx.listen "0.0.0.0:9996" is not a loopback address`},
		{func(c *Config, _ *Deps) { c.MediaMTX.Origins = []string{"x"} }, `"x" is not an origin`},
		{func(_ *Config, d *Deps) { d.Clips = nil }, "http.mediamtx.listen needs clips"},
	} {
		cfg, deps := w.config(), w.deps()
		withSide(&cfg, &deps)
		c.change(&cfg, &deps)
		_, err := New(cfg, deps)
		require.ErrorContains(t, err, c.want)
	}
	none := w.server()
	addr, err := none.ListenMediaMTX()
	require.NoError(t, err)
	require.Nil(t, addr, "it is off without an address")
}

func TestTheSideDoorHasTheCertificate(t *testing.T) {
	w := newFixture(t)
	dir := t.TempDir()
	files := TLS{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	cert, key := pair(t, 1)
	require.NoError(t, os.WriteFile(files.Cert, cert, 0o600))
	require.NoError(t, os.WriteFile(files.Key, key, 0o600))
	s := w.server(withSide, func(c *Config, _ *Deps) { c.TLS = files })
	addr, err := s.ListenMediaMTX()
	require.NoError(t, err)
	tasks := pipeline.NewTasks(s.deps.Log, pipeline.SystemClock)
	tasks.Go("mediamtx", s.ServeMediaMTX)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Get("https://" + addr.String() + "/list?path=none")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 404, res.StatusCode)
	require.NoError(t, tasks.Stop(t.Context()), "it ends with its task")
}
