package server

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// If another process uses the port of a server, the start logs that and does not log that it is
// ready. It logs that once the port is free.
func TestAStartWithAUsedPortIsNotReady(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	r := start(t, t.TempDir(), "", 0, true, "rtsp: {listen: '"+other.Addr().String()+"'}")
	require.Contains(t, r.said.String(), "spool runs, but is not ready: a server does not listen")
	require.NotContains(t, r.said.String(), "spool is ready")
	require.Contains(t, r.said.String(), "ss -ltnp 'sport = :")
	r.sayHowToPublish()
	require.NotContains(t, r.said.String(), "to record a stream of your own", "another program takes the streams that are published there")
	require.Empty(t, r.publishTo())
	why := ""
	for _, c := range r.ready(context.Background()) {
		if c.Name == "rtsp" {
			require.False(t, c.OK)
			why = c.Detail
		}
	}
	require.Contains(t, why, "listen on "+other.Addr().String())
	require.Contains(t, why, "address already in use")
	var causes []string
	for _, p := range r.problems(context.Background()) {
		causes = append(causes, p.Problem+": "+p.Cause)
	}
	require.Contains(t, strings.Join(causes, "\n"), "rtsp: "+why)
	require.NoError(t, other.Close())
	require.Eventually(t, func() bool { return strings.Contains(r.said.String(), "spool is ready") }, time.Minute, 10*time.Millisecond)
	r.sayHowToPublish()
	require.Contains(t, r.said.String(), "to record a stream of your own")
	require.NotEmpty(t, r.publishTo())
}

// A record path without the permission to write is reported as such, whichever file would be
// written there first.
func TestARecordPathThatIsNotWritableIsNamed(t *testing.T) {
	err := unwritableRecordPath(&os.PathError{Op: "write to", Path: "/rec", Err: unix.EACCES})
	require.ErrorContains(t, err, "mp4.record_path is not writable: write to /rec: permission denied: user ")
	require.ErrorContains(t, unwritableRecordPath(&os.PathError{Op: "mkdir", Path: "/rec", Err: unix.EROFS}), "mount it for writing")
	require.NoError(t, mayWrite(t.TempDir()))
	require.NoError(t, mayWrite(filepath.Join(t.TempDir(), "none")), "the first file reports it")
}
