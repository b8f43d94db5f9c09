package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
)

// ipCamera serves a clip in a loop and in real time to readers with the password.
type ipCamera struct {
	t          *testing.T
	user, pass string
	lib        *gortsplib.Server
	stream     *gortsplib.ServerStream // valid once ready is closed
	ready      chan struct{}
	quit       chan struct{}
	feeding    sync.WaitGroup
}

func newIPCamera(t *testing.T, address, user, pass string, c *footage.Clip) *ipCamera {
	t.Helper()
	h := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: c.SPS, PPS: c.PPS}
	m := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{h}}
	cam := &ipCamera{t: t, user: user, pass: pass, ready: make(chan struct{}), quit: make(chan struct{})}
	cam.lib = &gortsplib.Server{Handler: cam, RTSPAddress: address}
	require.NoError(t, cam.lib.Start())
	cam.stream = &gortsplib.ServerStream{Server: cam.lib, Desc: &description.Session{Medias: []*description.Media{m}}}
	require.NoError(t, cam.stream.Initialize())
	close(cam.ready)
	coder, err := h.CreateEncoder()
	require.NoError(t, err)
	cam.feeding.Go(func() {
		tick := time.NewTicker(time.Second / 25)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
			case <-cam.quit:
				return
			}
			pkts, err := coder.Encode(c.Units[n%len(c.Units)].NALs)
			if err != nil {
				t.Error(err)
			}
			for _, p := range pkts {
				p.Timestamp = uint32(n * frameTicks)
				_ = cam.stream.WritePacketRTP(m, p) // the reader may have left
			}
		}
	})
	return cam
}

// unplug closes the camera as a loss of power does.
func (c *ipCamera) unplug() {
	close(c.quit)
	c.feeding.Wait()
	c.stream.Close()
	c.lib.Close()
}

func (c *ipCamera) OnDescribe(x *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	<-c.ready
	if !x.Conn.VerifyCredentials(x.Request, c.user, c.pass) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *ipCamera) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *ipCamera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// A pulled camera restarts. The recorder connects to it again, and its password appears nowhere.
func TestPulledCameraRestarts(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	const pass = "s3cr3t/of=the day"
	config := "streams: {yard/gate: {pull: 'rtsp://viewer:s3cr3t%2Fof%3Dthe%20day@" + address + "/stream1'}}\n"
	c := h264(t, "small", "320x180", "4", "25")
	cam := newIPCamera(t, address, "viewer", pass, c)
	r := serve(t, config, "--log-level", "debug")
	r.expect("pull failed", "media is missing before this file")
	require.Equal(t, "configured", r.stream("yard/gate").State, "it is connected when a recording needs it")

	r.start("yard/gate", "")
	r.awaitUnits("yard/gate", 50)
	cam.unplug()
	first := r.awaitRecords("yard/gate", 1)
	require.Equal(t, []string{"source_lost"}, ends(first))
	r.await("pull failed", "stream", "yard/gate")
	cam = newIPCamera(t, address, "viewer", pass, c)
	r.awaitUnits("yard/gate", 25)
	r.stop("yard/gate")
	cam.unplug()
	recs := r.awaitRecords("yard/gate", 2)
	require.Equal(t, []string{"source_lost", "source_lost; stop"}, ends(recs))
	for i, n := range sound(t, r, recs) {
		require.Positive(t, n, "file %d", i)
	}

	// With a wrong password the recorder reports the camera's refusal, and not the password.
	wrong := newIPCamera(t, address, "viewer", "another", c)
	defer wrong.unplug()
	r.start("yard/gate", "")
	eventually(t, "the refusal is in the log", func() bool { return strings.Contains(r.book.String(), "401") })
	hidden(r, "s3cr3t")
	r.stop("yard/gate")
	require.Equal(t, 0, r.signal(2))
	hidden(r, "s3cr3t")
}

// A pull ends when no recording reads it. The next recording has not lost the time in between.
func TestAPullThatEndedBetweenTwoRecordingsIsNoGap(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {pull: 'testpattern://?size=160x120&fps=25&gop=25'}}")
	for range 2 {
		r.start("live/a", "")
		r.awaitUnits("live/a", 50)
		r.stop("live/a")
		eventually(t, "the pull ends", func() bool { return r.stream("live/a").State == "configured" })
	}
	require.Equal(t, []string{"stop", "stop"}, ends(r.awaitRecords("live/a", 2)))
}

// hidden requires that no output and no file of the recorder contains a secret. The recorder may remove a file meanwhile.
func hidden(r *recorder, secret string) {
	r.t.Helper()
	require.NotContains(r.t, r.book.String(), secret)
	if !r.ended {
		for _, path := range []string{"/mp4/", "/mp4/streams", "/mp4/status/yard/gate", "/mp4/records", "/mp4/vod", "/mp4/list", "/metrics", "/readyz", "/mp4/openapi.json"} {
			_, body := r.ask("GET", path)
			require.NotContains(r.t, string(body), secret, path)
		}
	}
	require.NoError(r.t, filepath.WalkDir(r.files, func(path string, d fs.DirEntry, err error) error {
		var b []byte
		if err == nil && !d.IsDir() {
			b, err = os.ReadFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		require.NotContains(r.t, string(b), secret, path)
		return err
	}))
}
