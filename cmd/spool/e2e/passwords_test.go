package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// digested makes a user's digest with the built program.
func digested(t *testing.T, name, password string) string {
	t.Helper()
	path, err := staticBinary()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, "passwd", "--digest", "yard", "--user", name)
	cmd.Stdin = strings.NewReader(password + "\n")
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// sends publishes a short clip with ffmpeg, and returns the error output if ffmpeg fails.
func sends(t *testing.T, link, transport string) (complaint string) {
	t.Helper()
	_, complaint, err := run(t, "ffmpeg", "-nostdin", "-v", "error", "-re", "-t", "1", "-i", x264Clip(t), "-c", "copy", "-f", "rtsp", "-rtsp_transport", transport, link)
	if err == nil {
		return ""
	}
	require.NotEmpty(t, complaint)
	return complaint
}

// ffmpeg signs in as it does to cameras, over connections that others can read and over
// encrypted ones.
func TestNoPasswordTravelsInClear(t *testing.T) {
	t.Parallel()
	dir, udp := t.TempDir(), udpPair(t)
	certify(t, dir, 1)
	r := launch(t, racyBinary, dir, fmt.Sprintf(`
log: {level: debug}
ingest:
  auth:
    users:
      - {name: hashed, password_hash: %q, publish: ["live/hashed/*"]}
      - {name: digested, digest: %s, publish: ["live/digested/*"]}
      - {name: both, password_hash: %q, digest: %s, publish: ["**"]}
  rtsp:
    tls: {listen: "127.0.0.1:0", cert: cert.pem, key: key.pem}
`, hashed(t, "h-secret"), digested(t, "digested", "d-secret"), hashed(t, "b-secret"), digested(t, "both", "b-secret")),
		"--rtsp-listen", "0.0.0.0:0", "--set", fmt.Sprintf("ingest/rtsp/udp={rtp: %d, rtcp: %d}", udp, udp+1))
	r.expect("publisher refused", "these users cannot publish here")
	line := r.await("rtsp server listens")
	_, port, err := net.SplitHostPort(line.text("address"))
	require.NoError(t, err)
	plain := "127.0.0.1:" + port
	secure := line.text("rtsps")
	for i, c := range []struct{ scheme, user, password, transport, refused string }{
		{"rtsp", "digested", "d-secret", "tcp", ""},
		{"rtsp", "digested", "d-secret", "udp", ""},
		{"rtsp", "both", "b-secret", "tcp", ""},
		{"rtsps", "digested", "d-secret", "tcp", ""},
		{"rtsps", "hashed", "h-secret", "tcp", ""},
		{"rtsps", "both", "b-secret", "tcp", ""},
		{"rtsp", "hashed", "h-secret", "tcp", "401"},
		{"rtsp", "digested", "w-secret", "tcp", "401"},
		{"rtsp", "digested", "w-secret", "udp", "401"},
		{"rtsp", "both", "w-secret", "tcp", "401"},
		{"rtsps", "hashed", "w-secret", "tcp", "401"},
		{"rtsps", "digested", "w-secret", "tcp", "401"},
		{"rtsps", "stranger", "h-secret", "tcp", "401"},
		{"rtsp", "stranger", "d-secret", "tcp", "401"},
	} {
		address := plain
		if c.scheme == "rtsps" {
			address = secure
		}
		path := fmt.Sprintf("live/%s/%d", c.user, i)
		complaint := sends(t, fmt.Sprintf("%s://%s:%s@%s/%s", c.scheme, c.user, c.password, address, path), c.transport)
		if c.refused != "" {
			require.Contains(t, complaint, c.refused, c)
			continue
		}
		require.Empty(t, complaint, c)
		r.await("publisher records", "stream", path)
	}
	require.Contains(t, sends(t, "rtsp://digested:d-secret@"+plain+"/live/hashed/1", "tcp"), "401", "another's path")
	r.passwordsAreNotTaken(t, "rtsp://both:b-secret@"+plain+"/live/both/x")
	for _, secret := range []string{"-secret", "argon2id", "nonce=", "response="} {
		require.NotContains(t, r.book.String(), secret)
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	require.NoError(t, err)
	for _, part := range strings.Split(string(text), `"`) {
		if len(part) == 32 || len(part) == 64 { // the values that digests are compared with
			require.NotContains(t, r.book.String(), part)
		}
	}
}

// signedIn connects to the server of a URL, with its credentials (Basic).
func signedIn(t *testing.T, link string) *rtsptest.Client {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	c, err := rtsptest.Dial(u.Host, "")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	password, _ := u.User.Password()
	c.SignIn(u.User.Username(), password)
	return c
}

// passwordsAreNotTaken sends a correct password in clear, as a client does that waits for no
// challenge.
func (r *recorder) passwordsAreNotTaken(t *testing.T, link string) {
	t.Helper()
	c := signedIn(t, link)
	reply, err := c.Ask("ANNOUNCE", strings.Replace(link, "both:b-secret@", "", 1), "v=0\r\n", "Content-Type: application/sdp")
	require.NoError(t, err)
	require.Equal(t, 401, reply.Status)
	require.Contains(t, reply.Header["www-authenticate"], "Digest")
	r.await("publisher refused: it sent its password unencrypted")
}

// Correct credentials are accepted however many wrong ones came from the same address. A digest
// is always accepted, since its check is cheap.
func TestGuessesDoNotLockOutDigests(t *testing.T) {
	t.Parallel()
	r := launch(t, racyBinary, t.TempDir(), fmt.Sprintf(`
ingest:
  auth:
    users:
      - {name: hashed, password_hash: %q, publish: ["**"]}
      - {name: digested, digest: %s, publish: ["**"]}
`, hashed(t, "h-secret"), digested(t, "digested", "d-secret")))
	r.expect("publisher refused")
	address := strings.TrimPrefix(r.rtsp, "rtsp://")
	for i := range 40 {
		for _, who := range []string{"digested", "hashed", "nobody"} {
			c := signedIn(t, fmt.Sprintf("rtsp://%s:guess%d@%s/x", who, i, address))
			reply, err := c.Ask("ANNOUNCE", r.rtsp+"/x", "v=0\r\n", "Content-Type: application/sdp")
			require.NoError(t, err)
			require.Equal(t, 401, reply.Status)
			c.Close()
		}
	}
	require.Empty(t, sends(t, "rtsp://digested:d-secret@"+address+"/live/a", "tcp"))
	r.await("publisher records", "stream", "live/a")
}

// RTSPS uses the certificate of the API unless it has its own, and uses renewed files.
func TestRTSPSHasTheCertificateOfTheAPI(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir, 1)
	r := launch(t, racyBinary, dir, "http: {tls: {cert: cert.pem, key: key.pem}}\ningest: {rtsp: {listen: '', tls: {listen: '127.0.0.1:0'}}}\n", "--rtsp-listen", "")
	address := r.await("rtsp server listens").text("rtsps")
	require.True(t, strings.HasPrefix(r.await("spool is ready").text("publish_to"), "rtsps://"+address+"/"))
	serial := func() int64 {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // #nosec G402: the serial is looked at
		require.NoError(t, err)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())
	certify(t, dir, 2)
	eventually(t, "the new certificate", func() bool { return serial() == 2 })
	require.Empty(t, sends(t, "rtsps://"+address+"/live/a", "tcp"))
}
