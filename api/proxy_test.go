package api

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
)

// fetchFrom makes a request from an address of this machine, and returns the status.
func fetchFrom(t *testing.T, from, url string, header ...string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
	res, err := client.Do(req)
	require.NoError(t, err)
	res.Body.Close()
	return res.StatusCode
}

// Failures behind nginx are counted for each client by itself, and no client can pass for another one.
func TestEachClientOfATrustedProxyIsItself(t *testing.T) {
	const proxy, attacker, victim = "127.0.0.55", "127.0.0.66", "127.0.0.77"
	w := newFixture(t)
	var users []auth.User
	for _, name := range []string{"joe", "eve", "ann"} {
		hash, err := auth.HashPassword("secret of " + name)
		require.NoError(t, err)
		users = append(users, auth.User{Name: name, PasswordHash: hash, Roles: []auth.Role{auth.View}})
	}
	seen := auth.NewFailures(nil)
	_, ours := w.run(func(c *Config, d *Deps) {
		c.Auth.Users, c.Proxies = users, []netip.Prefix{netip.MustParsePrefix(proxy + "/32")}
		seen = auth.NewFailures(d.Log)
		d.SignIns, d.Clock = seen, &turned{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} // no failure fades
	})
	pass := fmt.Sprintf("location / { proxy_pass http://%s; proxy_bind %s; %%s }", ours, proxy)
	adds := runNginx(t, fmt.Sprintf(pass, "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"))
	sets := runNginx(t, fmt.Sprintf(pass, `proxy_set_header Forwarded "for=$remote_addr;proto=http";`))
	for _, c := range []struct {
		name, at string
		spoofed  []string
	}{
		{"joe", adds, []string{"X-Forwarded-For", victim}},
		{"eve", sets, []string{"Forwarded", "for=" + victim}},
		{"ann", ours, []string{"X-Forwarded-For", victim, "Forwarded", "for=" + victim, "X-Forwarded-For", strings.Repeat(victim+", ", 1000) + victim}},
	} {
		guess := func(n int) int {
			code := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:guess %d", c.name, n))
			return fetchFrom(t, attacker, "http://"+c.at+"/mp4/list", append(c.spoofed, "Authorization", "Basic "+code)...)
		}
		for n := range auth.DefaultFailures {
			require.Equal(t, 401, guess(n), c.name)
		}
		require.Equal(t, 429, guess(auth.DefaultFailures), c.name)
		require.Equal(t, 200, fetchFrom(t, victim, "http://"+c.at+"/mp4/list", "Authorization", basic(c.name, "secret of "+c.name)), "%s is another client", c.name)
		require.Equal(t, auth.DefaultFailures+1, strings.Count(w.log.String(), "user="+c.name+"\n"), c.name)
	}
	require.Contains(t, w.log.String(), "remote="+attacker)
	require.NotContains(t, w.log.String(), "remote="+victim)
	require.NotContains(t, w.log.String(), "remote="+proxy)
}

// The audit log names the client that a trusted proxy reports, and the peer where no proxy is trusted.
func TestTheAuditNamesTheClientBehindATrustedProxy(t *testing.T) {
	w := newFixture(t)
	s := w.server(func(c *Config, _ *Deps) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	require.Equal(t, 200, do(s, "POST", "/mp4/start/live/camera01", "", "X-Forwarded-For", "192.0.2.1:5").code)
	require.Contains(t, w.log.String(), "remote=192.0.2.1")
	other := w.server()
	require.Equal(t, 200, do(other, "POST", "/mp4/stop/live/camera01", "", "X-Forwarded-For", "192.0.2.2").code)
	require.NotContains(t, w.log.String(), "192.0.2.2")
}
