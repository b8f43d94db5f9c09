package rtmp

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/ingest"
)

// withTLS makes the server listen for RTMPS, with a certificate of its own.
func withTLS(t *testing.T) func(*Settings, *ingest.ServerDeps) {
	t.Helper()
	dir := t.TempDir()
	return func(s *Settings, _ *ingest.ServerDeps) {
		s.TLS.Listen, s.TLS.Cert, s.TLS.Key = "127.0.0.1:0", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		makeCertificate(t, s.TLS.Cert, s.TLS.Key)
	}
}

func TestRTMPS(t *testing.T) {
	f := newFixture(t, withTLS(t), withUsers)
	f.server.public = true
	require.NoError(t, f.server.Fault())
	wait := f.record(path)
	file := clip(t, "aac.mp4", append(append([]string{}, x264...), aac...)...)
	ffmpeg(t, "-i", file, "-c", "copy", "-f", "flv", "rtmps://"+f.server.EncryptedAddr().String()+"/live/a?user=cam&pass=s3cret")
	got := wait()
	compare(t, file, "v", got, codec.H264, 0, 0)
	require.Equal(t, "rtmp", f.server.Scheme())

	nc, err := net.Dial("tcp", f.server.EncryptedAddr().String())
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Write([]byte("\x03 no TLS at all, but long enough for a record"))
	require.NoError(t, err)
	f.logged("connection closed", "TLS handshake")
	_ = nc.(*net.TCPConn).CloseWrite()
	gone(t, nc)

	secure, err := tls.Dial("tcp", f.server.EncryptedAddr().String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	e := encoderOver(t, secure, "live")
	code, _ := e.publish("a?user=cam&pass=s3cret")
	require.Equal(t, "NetStream.Publish.Start", code)
	require.NoError(t, os.Remove(f.server.TLS.Cert))
	require.ErrorContains(t, f.server.Fault(), "ingest.rtmp.tls")
}
