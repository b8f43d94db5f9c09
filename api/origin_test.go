package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
)

func TestOtherSitesMayNotChangeAnything(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	for _, h := range [][]string{
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", "http://127.0.0.1:9999"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "cross-site"},
	} {
		do(s, "POST", "/mp4/start/live/camera01", "", h...).refused(t, 403)
	}
	require.Empty(t, w.recording)
	for _, h := range [][]string{
		nil,
		{"Origin", "http://127.0.0.1:8080"},
		{"Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-Site", "none"},
	} {
		require.Equal(t, 200, do(s, "POST", "/mp4/start/live/camera01", "", h...).code, h)
	}
}

func TestNamesOfOtherSitesAreRefusedWithoutAuth(t *testing.T) {
	w := newFixture(t)
	s := w.server(func(c *Config, _ *Deps) { c.Hosts = []string{"Recorder.lan", "other.lan."} })
	for _, host := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "xlocalhost", "0x7f000001"} {
		do(s, "GET", "/mp4/records", "", "Host", host).refused(t, 403)
	}
	for _, host := range []string{"localhost", "LocalHost:8080", "127.0.0.1", "[::1]:8080", "::1", "10.0.0.5:8080", "recorder.lan", "recorder.lan.", "other.lan:8080", "x.localhost", ""} {
		require.Equal(t, 200, do(s, "GET", "/mp4/list", "", "Host", host).code, host)
	}
	withAuth := w.server(func(c *Config, _ *Deps) {
		c.Auth.Tokens = []auth.Token{{Token: "0123456789abcdef", Roles: []auth.Role{auth.View}}}
	})
	require.Equal(t, 200, do(withAuth, "GET", "/mp4/list", "", "Host", "any.example", "Authorization", "Bearer 0123456789abcdef").code)
}

func TestEveryAnswerHasTheHeadersThatProtectIt(t *testing.T) {
	s := newFixture(t).server()
	for _, p := range []string{"/", "/ui/app.js", "/mp4/list", "/mp4/vod/none.mp4", "/nowhere", "/mp4/../x"} {
		h := do(s, "GET", p, "").header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), p)
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", p)
		require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe", p)
		require.Empty(t, h.Get("Access-Control-Allow-Origin"), p)
	}
}

func TestOverlongQueryIsRefused(t *testing.T) {
	s := newFixture(t).server()
	do(s, "GET", "/mp4/records?cursor="+strings.Repeat("a", 5000), "").refused(t, 400)
}

func TestOnlyLoopbackIsOpenByDefault(t *testing.T) {
	w := newFixture(t)
	for listen, ok := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:8080": true, "[::1]:0": true, "127.9.9.9:1": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "10.0.0.5:80": false, "recorder.lan:80": false, "8080": false,
	} {
		cfg := w.config()
		cfg.Listen = listen
		require.Equal(t, ok, cfg.Check() == nil, listen)
		if listen != "8080" {
			cfg.Auth.None = true
			require.NoError(t, cfg.Check(), listen)
			cfg.Auth = auth.Config{Tokens: []auth.Token{{Token: "0123456789abcdef", Roles: []auth.Role{auth.View}}}}
			require.NoError(t, cfg.Check(), listen)
			cfg.Auth.None = true
			require.Error(t, cfg.Check(), "both")
		}
	}
}
