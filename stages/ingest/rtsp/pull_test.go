package rtsp

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/redact"
	"github.com/gospool/spool/stages/hub"
)

func loopback(port uint16) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))) }

func (r *fixture) info(path string) media.StreamInfo {
	for _, i := range r.hub.List() {
		if i.Path == path {
			return i
		}
	}
	return media.StreamInfo{}
}

// TestPulledUnitsAreTheSourcesOwn pulls a clip whose RTP times wrap, with credentials that break careless URL
// handling.
func TestPulledUnitsAreTheSourcesOwn(t *testing.T) {
	file := clip(t, "h264", x264...)
	for _, tc := range []struct {
		name, transport string
		udp, noTCP      bool
	}{
		{"tcp", "tcp", false, false},
		{"tcp by default", "", true, false},
		{"udp where tcp is refused", "auto", true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			ports := UDP{}
			if tc.udp {
				ports = freeUDPPair(t)
			}
			f := film(t, file, false)
			cam := newCamera(t, f, "admin", "p@ss:w/örd%", ports, tc.noTCP)
			u := url.URL{Scheme: "rtsp", User: url.UserPassword("admin", "p@ss:w/örd%"), Host: cam.address(), Path: "/a/b"}
			require.NoError(t, r.hub.Configure("cam", hub.StreamConfig{Pull: u.String(), Transport: tc.transport}))
			wait := r.record("cam")
			eventually(t, "all units have come", func() bool { return r.info("cam").AccessUnits == uint64(f.units) })
			cam.close()
			got := wait()
			compare(t, file, codec.H264, got, 0)
			require.Contains(t, r.book.String(), `by="sender reports"`)
			require.Empty(t, r.losses("cam"))
			r.showsNo("p@ss", "w/örd", url.QueryEscape("p@ss:w/örd%"), url.PathEscape("p@ss:w/örd%"))
			cam.mu.Lock()
			defer cam.mu.Unlock()
			for _, line := range cam.requests {
				require.NotContains(t, strings.SplitN(line, "\n", 2)[0], "admin", "credentials belong in the Authorization header")
			}
		})
	}
}

// showsNo searches the log and the API's answers for secrets.
func (r *fixture) showsNo(secrets ...string) {
	r.t.Helper()
	shown := r.book.String()
	for _, i := range r.hub.List() {
		shown += i.LastError + i.Pull + i.Origin
	}
	for _, s := range secrets {
		require.NotContains(r.t, shown, s)
	}
}

func TestNoFailureOfAPullShowsThePassword(t *testing.T) {
	f := film(t, clip(t, "h264", x264...), false)
	cam := newCamera(t, f, "admin", "right", UDP{}, false)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	for _, host := range []string{cam.address(), gone.Addr().String(), "no.such.host.invalid"} {
		r := newFixture(t)
		require.NoError(t, r.hub.Configure("cam", hub.StreamConfig{Pull: "rtsp://admin:s3cr3t-w%40rd@" + host + "/x"}))
		sub, err := r.hub.Subscribe("cam")
		require.NoError(t, err)
		eventually(t, "the pull has failed", func() bool { return r.info("cam").LastError != "" })
		r.showsNo("s3cr3t-w%40rd", "s3cr3t-w@rd")
		sub.Close()
	}
}

func TestPullURLsThatCannotWork(t *testing.T) {
	for _, tc := range []struct{ url, transport, says string }{
		{"rtsp://u:hidden@/x", "", "no host"},
		{"rtsp://u:hidden@h/x", "quic", "tcp, udp or auto"},
		{"rtsps://u:hidden@h/x", "udp", "rtsps carries media over tcp"},
	} {
		_, err := hub.NewPuller(tc.url, hub.PullOptions{Transport: tc.transport})
		require.ErrorContains(t, err, tc.says)
		require.NotContains(t, err.Error(), "hidden")
	}
}

// TestErrorsOfTheLibraryAreRedacted uses an error that quotes the URL, as gortsplib's do for some answers.
func TestErrorsOfTheLibraryAreRedacted(t *testing.T) {
	u, err := url.Parse("rtsp://us:pa%40ss@host/x")
	require.NoError(t, err)
	secret := redact.Of(u)
	for _, text := range []string{u.String(), "pa@ss", "pa%40ss"} {
		clean := secret.Error(&net.AddrError{Err: "bad", Addr: text}).Error()
		require.NotContains(t, clean, "pa@ss")
		require.NotContains(t, clean, "pa%40ss")
	}
}
