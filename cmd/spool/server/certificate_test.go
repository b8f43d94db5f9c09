package server

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// problemOf returns the problem that health reports of a part.
func (r *fixture) problemOf(part string) (found pipeline.Problem) {
	for _, p := range r.problems(r.t.Context()) {
		if p.Problem == part {
			found = p
		}
	}
	return found
}

// Health reports a broken certificate as such, and not as a fault of the address, with a remedy.
func TestHealthNamesABrokenCertificate(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "server.crt")
	r := start(t, t.TempDir(), "", 0, true, "rtsp: {listen: '127.0.0.1:0', tls: {listen: '127.0.0.1:0', cert: "+missing+", key: "+missing+"}}")
	p := r.problemOf("rtsp")
	require.Contains(t, p.Cause, "ingest.rtsp.tls: "+missing+" is not there")
	require.Contains(t, p.Remedy, "write the file's whole path")
	c, err := net.Dial("tcp", r.servers.All()[0].Address())
	require.NoError(t, err, "plain RTSP is served")
	require.NoError(t, c.Close())
}

// Health reports an address that another process uses, and the reason.
func TestHealthNamesAnAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	r := start(t, t.TempDir(), "", 0, true, "rtsp: {listen: '', tls: {listen: '"+l.Addr().String()+"', cert: a, key: b}}")
	p := r.problemOf("rtsp")
	require.Contains(t, p.Cause, "ingest.rtsp.tls.listen: listen on "+l.Addr().String())
	require.Contains(t, p.Remedy, "set ingest.rtsp.tls.listen to a free port")
	require.Contains(t, p.Cause, "address already in use")
}
