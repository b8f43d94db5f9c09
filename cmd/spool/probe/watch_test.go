package probe

import (
	"bytes"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "github.com/gospool/spool/stages/ingest/rtsp"
	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// A camera plays 10 pictures a second, with a key frame every 8 pictures, and sound.
func TestLiveStreams(t *testing.T) {
	clips, err := rtsptest.Shoot(t.Context(), t.TempDir())
	require.NoError(t, err)
	cam, err := rtsptest.Start(clips, 1)
	require.NoError(t, err)
	defer cam.Close()

	for path, inARow := range map[string]int64{"good": 0, "b-frames": 2, "h265": 0} {
		r, err := run(t, Command{Source: cam.URL(path)})
		if err != nil { // a late packet of a busy machine is a fault of times
			require.ErrorIs(t, err, ErrFaults{})
		}
		require.Contains(t, cam.URL(path), strings.TrimSuffix(r.Source, "…"))
		require.Equal(t, "live", r.Container.Format)
		require.Len(t, r.Tracks, 2)
		g := r.Tracks[0].GOPs
		require.GreaterOrEqual(t, g.Count, int64(2))
		require.Equal(t, []float64{8, 800}, []float64{g.Frames.Median, g.LongMS.Median})
		require.Equal(t, "closed", g.Structure)
		require.Equal(t, inARow, g.BFramesInARow)
		require.Equal(t, []int{16000, 1}, []int{r.Tracks[1].SampleRateHz, r.Tracks[1].Channels})
		require.InDelta(t, 100, r.Tracks[0].AccessUnitMS.Median, 1)
	}

	t.Run("encrypted, pinned", func(t *testing.T) {
		_, err := run(t, Command{Source: cam.SecureURL("good"), Duration: time.Second})
		require.ErrorContains(t, err, "certificate")
		r, err := run(t, Command{Source: cam.SecureURL("good"), Duration: time.Second, Fingerprint: cam.Fingerprint()})
		if err != nil {
			require.ErrorIs(t, err, ErrFaults{})
		}
		require.NotEmpty(t, r.Tracks)
	})

	t.Run("password is not shown", func(t *testing.T) {
		right, wrong := cam.URL("digest"), strings.Replace(cam.URL("digest"), "look", "loop", 1)
		u, err := url.Parse(wrong)
		require.NoError(t, err)
		password, _ := u.User.Password()
		for _, source := range []string{right, wrong} {
			var out, errs bytes.Buffer
			c := Command{Source: source, Duration: time.Second}
			text := ""
			if err := c.Run(Streams{&out, &errs}); err != nil {
				text = err.Error()
			}
			shown := out.String() + errs.String() + text
			require.NotEmpty(t, shown)
			for _, secret := range []string{rtsptest.Password, url.QueryEscape(rtsptest.Password), password, url.QueryEscape(password)} {
				require.NotContains(t, shown, secret)
			}
		}
	})
}

func TestLiveStreamsThatCannotBeRead(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	for source, want := range map[string]string{
		"rtsp://u:hidden@" + gone.Addr().String() + "/x": "connect",
		"rtsp://u:hid%zz@127.0.0.1/x":                    "cannot be read",
		"foo://u:hidden@127.0.0.1/x":                     `scheme "foo"`,
		"rtsp://u:hidden@/x":                             "no host",
	} {
		_, err := run(t, Command{Source: source})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "hid")
	}
	_, err = run(t, Command{Source: "rtsp://127.0.0.1/x", Duration: -time.Second})
	require.ErrorIs(t, err, ErrDuration)
}
