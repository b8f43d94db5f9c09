package rtsp

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// shot are the clips that the fake camera plays, for all tests of this file.
var shot = struct {
	sync.Once
	clips rtsptest.Clips
	err   error
}{}

func startCamera(t *testing.T) *rtsptest.Camera {
	t.Helper()
	shot.Do(func() { shot.clips, shot.err = rtsptest.Shoot(context.Background(), t.TempDir()) })
	require.NoError(t, shot.err)
	c, err := rtsptest.Start(shot.clips, 4)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// pulled returns the state of a pull after its first access units, or its first error.
func (r *fixture) pulled(cfg hub.StreamConfig) media.StreamInfo {
	r.t.Helper()
	require.NoError(r.t, r.hub.Configure("cam", cfg))
	sub, err := r.hub.Subscribe("cam")
	require.NoError(r.t, err)
	defer sub.Close()
	eventually(r.t, "units come, or an error", func() bool {
		i := r.info("cam")
		return i.LastError != "" || i.AccessUnits > 20
	})
	return r.info("cam")
}

// TestARedirectIsFollowedOnTheSameHost checks that no other host gets a request.
func TestARedirectIsFollowedOnTheSameHost(t *testing.T) {
	c := startCamera(t)
	for quirk, says := range map[string]string{
		"redirect": "", "redirect-relative": "", "redirect-auth": "", "redirect-three": "",
		"redirect-loop":      "after 3 redirects before: not followed further",
		"redirect-four":      "after 3 redirects before: not followed further",
		"redirect-elsewhere": "another host: not followed",
	} {
		t.Run(quirk, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			i := r.pulled(hub.StreamConfig{Pull: c.URL(quirk)})
			if says == "" {
				require.Empty(t, i.LastError)
				require.Len(t, i.Tracks, 2)
				return
			}
			require.Contains(t, i.LastError, says)
			r.showsNo(rtsptest.Password, "look%2Fat")
			require.Zero(t, c.Visitors("stolen"))
		})
	}
}

func TestACertificateIsPinned(t *testing.T) {
	c := startCamera(t)
	colons := strings.ToUpper(c.Fingerprint()[:2] + ":" + c.Fingerprint()[2:])
	for _, tc := range []struct{ print, says string }{
		{c.Fingerprint(), ""},
		{colons, ""},
		{"", "set tls.fingerprint of the stream to its SHA-256, " + c.Fingerprint()},
		{strings.Repeat("0", 64), "not the pinned one: its SHA-256 is " + c.Fingerprint()},
	} {
		r := newFixture(t)
		i := r.pulled(hub.StreamConfig{Pull: c.SecureURL("good-over-tls"), Fingerprint: tc.print})
		require.Contains(t, i.LastError, tc.says)
		require.Equal(t, tc.says == "", i.AccessUnits > 0)
	}
	for raw, print := range map[string]string{"rtsps://h/x": "zz", "rtsp://h/x": strings.Repeat("0", 64)} {
		_, err := hub.NewPuller(raw, hub.PullOptions{Fingerprint: print})
		require.ErrorContains(t, err, "tls.fingerprint")
	}
}

// TestNoWordOfACameraShowsThePassword pulls a camera that repeats the password in its refusal and in its description.
func TestNoWordOfACameraShowsThePassword(t *testing.T) {
	c, r := startCamera(t), newFixture(t)
	i := r.pulled(hub.StreamConfig{Pull: c.URL("password-in-words")})
	require.Empty(t, i.LastError)
	require.Contains(t, r.book.String(), "461 Unsupported Transport at rtsp://viewer:xxxxx@camera/live (viewer:xxxxx, xxxxx)")
	require.Equal(t, []string{"xxxxx"}, i.Unrecorded)
	r.showsNo(rtsptest.Password, "look%2Fat", "look%2fat", base64.StdEncoding.EncodeToString([]byte(rtsptest.User+":"+rtsptest.Password)))
}

// TestAFloodBeforePlayIsCounted pulls a camera that sends more before PLAY than the client keeps: the rest is counted,
// and the stream that follows is whole.
func TestAFloodBeforePlayIsCounted(t *testing.T) {
	c, r := startCamera(t), newFixture(t)
	i := r.pulled(hub.StreamConfig{Pull: c.URL("early-flood")})
	require.Empty(t, i.LastError)
	losses := r.losses("cam")
	require.NotZero(t, losses[media.DropBeforePlay])
	delete(losses, media.DropBeforePlay)
	require.Empty(t, losses)
	require.Contains(t, r.book.String(), "packets are dropped: the server sent too many before the stream was played")
}

// TestATrackThatIsNotSetUpIsLeftOut checks that it is shown with the reason.
func TestATrackThatIsNotSetUpIsLeftOut(t *testing.T) {
	c := startCamera(t)
	for quirk, says := range map[string]string{"setup-404": "404 Not Found", "setup-461": "461 Unsupported Transport"} {
		r := newFixture(t)
		i := r.pulled(hub.StreamConfig{Pull: c.URL(quirk)})
		require.Len(t, i.Tracks, 1)
		require.Equal(t, codec.H264.String(), i.Tracks[0].Codec)
		require.Equal(t, []string{"mpeg4-generic (SETUP: " + says + ")"}, i.Unrecorded)
		require.Empty(t, i.LastError)
	}
}

// TestAPullAdaptsToTheFailureOfThePreviousOne lets the first pull fail; the next one uses another transport or fewer
// tracks.
func TestAPullAdaptsToTheFailureOfThePreviousOne(t *testing.T) {
	c := startCamera(t)
	for quirk, says := range map[string]string{
		"setup-hangs-up":    "mpeg4-generic: SETUP: the server closed the connection",
		"tcp-without-media": "no media arrives; tried over UDP next",
	} {
		t.Run(quirk, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			u, err := url.Parse(c.URL(quirk))
			require.NoError(t, err)
			p, err := newPuller(hub.PullOptions{URL: u, Path: "cam", ReadTimeout: patient, Log: r.log, Go: r.tasks.Go})
			require.NoError(t, err)
			got := r.record("cam")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var pub *hub.Publisher
			publish := func(origin string) (*hub.Publisher, error) {
				var err error
				pub, err = r.hub.Publish("cam", hub.PublishOptions{Origin: origin})
				return pub, err
			}
			for range map[string]int{"setup-hangs-up": maxHangUps, "tcp-without-media": 1}[quirk] {
				require.ErrorContains(t, p.Pull(ctx, publish), says)
			}
			if pub != nil {
				pub.Close(endcause.SourceLost) // without media: the recorder waits for the next publisher
			}
			ended := make(chan error, 1)
			r.tasks.Go("pull", func(context.Context) error { ended <- p.Pull(ctx, publish); return nil })
			eventually(t, "units come", func() bool { return r.info("cam").AccessUnits > 20 })
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
			pub.Close(endcause.SourceLost)
			require.NotEmpty(t, got().units[codec.H264])
		})
	}
}

// TestARefusedPasswordIsTriedSeldom protects the account, which a camera would lock.
func TestARefusedPasswordIsTriedSeldom(t *testing.T) {
	p := &puller{}
	quick := errors.New("down")
	refused := client.ErrCredentials
	for i, err := range []error{refused, refused, quick, refused, refused} {
		require.Equal(t, err, p.later(err), "%d", i)
	}
	require.ErrorContains(t, p.later(refused), "3 times now")
	require.ErrorIs(t, p.later(refused), refused)
	require.Equal(t, quick, p.later(quick))
	require.Equal(t, refused, p.later(refused))
}

// TestARedirectIsLoggedOnce checks that a server that redirects at each attempt does not fill the log.
func TestARedirectIsLoggedOnce(t *testing.T) {
	c, r := startCamera(t), newFixture(t)
	u, err := url.Parse(c.URL("redirect-loop"))
	require.NoError(t, err)
	p, err := newPuller(hub.PullOptions{URL: u, Path: "cam", Log: r.log, Go: r.tasks.Go})
	require.NoError(t, err)
	for range 5 {
		require.ErrorContains(t, p.Pull(context.Background(), nil), "not followed further")
	}
	require.Equal(t, 1, strings.Count(r.book.String(), "the server redirects"))
}
