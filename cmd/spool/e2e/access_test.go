package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hashed makes the password hash with the built program.
func hashed(t *testing.T, password string) string {
	t.Helper()
	path, err := staticBinary()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, "passwd")
	cmd.Stdin = strings.NewReader(password + "\n")
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// certify writes a certificate with a serial number and its key.
func certify(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

// TestAccessIsAsConfigured configures users, tokens, roles and TLS as an operator does.
func TestAccessIsAsConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir, 1)
	r := launch(t, racyBinary, dir, fmt.Sprintf(`
http:
  auth:
    users:
      - {name: eve, password_hash: %q, roles: [view]}
      - {name: carl, password_hash: %q, roles: [control]}
    tokens:
      - {name: janitor, token: janitors-long-secret-token, roles: [admin]}
  tls: {cert: cert.pem, key: key.pem}
ingest:
  auth:
    users:
      - {name: cam, password_hash: %q, publish: ["live/cam*"]}
streams: {live/demo: {pull: "testpattern://?size=64x64&fps=25&gop=25"}}
`, hashed(t, "eves secret"), hashed(t, "carls secret"), hashed(t, "cams-secret")))
	require.True(t, strings.HasPrefix(r.api, "https://"), r.api)
	r.expect("publisher refused", "sign-in failed", "passwords and tokens travel unencrypted")
	insecure := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // #nosec G402: the serial is looked at
	}}
	ask := func(who, method, path string) (int, *http.Response) {
		req, err := http.NewRequestWithContext(t.Context(), method, r.api+path, nil)
		require.NoError(t, err)
		if name, password, ok := strings.Cut(who, ":"); ok {
			req.SetBasicAuth(name, password)
		} else if who != "" {
			req.Header.Set("Authorization", "Bearer "+who)
		}
		resp, err := insecure.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode, resp
	}
	eventually(t, "it is ready", func() bool { code, _ := ask("", "GET", "/readyz"); return code == 200 })
	const id = "/mp4/records/01a2032a-fe89-7c4a-8354-0e8ff0e8ca8d"
	for _, c := range []struct {
		who, method, path string
		code              int
	}{
		{"", "GET", "/mp4/records", 401}, {"", "POST", "/mp4/start/live/demo", 401}, {"", "GET", "/metrics", 401},
		{"", "GET", "/mp4/vod/x.mp4", 401}, {"", "GET", "/healthz", 200}, {"", "GET", "/readyz", 200},
		{"eve:wrong", "GET", "/mp4/records", 401}, {"nobody:eves secret", "GET", "/mp4/records", 401},
		{"a-token-that-is-not-ours", "GET", "/mp4/records", 401},
		{"eve:eves secret", "GET", "/mp4/records", 200}, {"eve:eves secret", "POST", "/mp4/start/live/demo", 403},
		{"carl:carls secret", "POST", "/mp4/start/live/demo", 200}, {"carl:carls secret", "POST", "/mp4/stop/live/demo", 200},
		{"carl:carls secret", "DELETE", id, 403}, {"janitors-long-secret-token", "DELETE", id, 404},
	} {
		code, resp := ask(c.who, c.method, c.path)
		require.Equal(t, c.code, code, "%s %s as %q", c.method, c.path, c.who)
		require.Equal(t, code == 401, len(resp.Header["Www-Authenticate"]) == 2)
	}
	_, resp := ask("", "GET", "/healthz")
	require.Equal(t, int64(1), resp.TLS.PeerCertificates[0].SerialNumber.Int64())
	certify(t, dir, 2)
	eventually(t, "the new certificate", func() bool {
		_, resp := ask("", "GET", "/healthz")
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64() == 2
	})
	r.publishers(t)
	for _, secret := range []string{"eves secret", "carls secret", "janitors-long", "cams-secret", "argon2id"} {
		require.NotContains(t, r.book.String(), secret)
	}
}

// publishers checks that users may publish only paths that match their patterns.
func (r *recorder) publishers(t *testing.T) {
	t.Helper()
	c := h264(t, "access", "320x180", "2", "25")
	url := func(who, path string) string { return strings.Replace(r.rtsp, "://", "://"+who, 1) + path }
	for _, bad := range []string{url("", "/live/cam1"), url("cam:wrong@", "/live/cam1"), url("cam:cams-secret@", "/live/other"), url("who:cams-secret@", "/live/cam1")} {
		_, err := tryCamera(t, bad, c)
		require.ErrorContains(t, err, "401", bad)
	}
	cam := newCamera(t, url("cam:cams-secret@", "/live/cam1"), c)
	cam.send(c.Units, 0)
	cam.close()
	r.await("publisher left", "stream", "live/cam1")
}

// Without users and tokens, an address that other machines can reach is refused.
func TestAnOpenDoorIsRefused(t *testing.T) {
	t.Parallel()
	path, err := staticBinary()
	require.NoError(t, err)
	for _, args := range [][]string{{"--http-listen", "0.0.0.0:0"}, {"--http-listen", "127.0.0.1:0", "--rtsp-listen", ":0"}} {
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		require.ErrorContains(t, err, "exit status 2", "%s", out)
		require.Contains(t, string(out), "can be reached by other machines")
		require.Contains(t, string(out), "{auth: none}")
	}
}
