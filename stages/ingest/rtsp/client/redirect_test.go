package client

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTargetOfARedirect(t *testing.T) {
	for _, tc := range []struct{ from, location, to, says string }{
		{"rtsp://u:p@cam.local/a", "rtsp://cam.local/b", "rtsp://u:p@cam.local/b", ""},
		{"rtsp://u:p@cam.local/a", "rtsp://CAM.local:8554/b?x=y", "rtsp://u:p@CAM.local:8554/b?x=y", ""},
		{"rtsp://u:p@cam.local/a", "RTSP://10.0.0.5:8554/b", "rtsp://u:p@10.0.0.5:8554/b", ""}, // the address that it has
		{"rtsp://u:p@cam.local/a/b", "c", "rtsp://u:p@cam.local/a/c", ""},
		{"rtsp://u:p@cam.local/a/b", " /c\t", "rtsp://u:p@cam.local/c", ""},
		{"rtsp://u:p@cam.local/a", "rtsp://x:y@cam.local/b", "rtsp://u:p@cam.local/b", ""},
		{"rtsp://u:p@cam.local/a", "rtsps://cam.local/b", "rtsps://u:p@cam.local/b", ""},
		{"rtsps://u:p@cam.local/a", "rtsp://cam.local/b", "", "not encrypted|encrypted connection"},
		{"rtsp://u:p@cam.local/a", "rtsp://evil.example/b?p=s3cr3t", "", "rtsp://evil.example/b, another host"},
		{"rtsp://u:p@cam.local/a", "rtsp://x:s3cr3t@evil.example/b", "", "another host"},
		{"rtsp://u:p@cam.local/a", "//evil.example/b", "", "another host"},
		{"rtsp://u:p@cam.local/a", "rtsp://cam.local@evil.example/b", "", "another host"},
		{"rtsp://u:p@cam.local/a", "http://cam.local/b", "", "no RTSP URL"},
		{"rtsp://u:p@cam.local/a", "rtsp:///b", "", "no RTSP URL"},
		{"rtsp://u:p@cam.local/a", "rtsp://[/", "", "no URL"},
		{"rtsp://u:p@cam.local/a", "", "", "without a Location"},
	} {
		u, err := url.Parse(tc.from)
		require.NoError(t, err)
		c := &Client{Options: Options{URL: u}, remoteIP: netip.MustParseAddr("10.0.0.5")}
		err = c.redirection(tc.location)
		to := (*Redirect)(nil)
		if tc.to != "" {
			require.True(t, errors.As(err, &to), "%s: %v", tc.location, err)
			require.Equal(t, tc.to, to.URL.String())
			require.NotContains(t, err.Error(), "u:p@")
			continue
		}
		require.False(t, errors.As(err, &to), tc.location)
		require.Regexp(t, tc.says, err.Error())
		require.NotContains(t, err.Error(), "s3cr3t")
	}
}

// TestEveryRequestMayBeRedirected also redirects while media arrives.
func TestEveryRequestMayBeRedirected(t *testing.T) {
	for _, method := range []string{"OPTIONS", "DESCRIBE", "SETUP", "PLAY"} {
		for _, status := range []string{"301 Moved Permanently", "302 Found", "303 See Other", "305 Use Proxy", "307", "308 Permanent Redirect"} {
			f := newFake(t)
			f.on[method] = func(w *wireConn, _ *ask) bool { return w.reply(status, "Location: /other") }
			got := play(t, context.Background(), Options{URL: f.url("/cam")})
			to := (*Redirect)(nil)
			require.True(t, errors.As(got.err, &to), "%s %s: %v", method, status, got.err)
			require.Equal(t, "/other", to.URL.Path)
		}
	}
	f := newFake(t)
	f.media = func(w *wireConn) {
		w.packets(1, 2)
		w.write("REDIRECT rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\nLocation: " + f.url("/other").String() + "\r\n\r\n")
	}
	got := play(t, context.Background(), Options{URL: f.url("/cam")})
	to := (*Redirect)(nil)
	require.True(t, errors.As(got.err, &to), "%v", got.err)
	require.Equal(t, seqs(1, 2), got.seqs[0])
	require.Len(t, f.asked("TEARDOWN"), 1)
}
