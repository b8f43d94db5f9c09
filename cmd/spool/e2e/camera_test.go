package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
)

// frameTicks is a frame's duration at 25 frames a second, in RTP ticks.
const frameTicks = 90000 / 25

// h264 makes a clip without audio and returns its access units, with parameter sets in the
// stream.
func h264(t *testing.T, name, size string, seconds, gop string) *footage.Clip {
	t.Helper()
	file := clip(t, name+".h264", "-f", "lavfi", "-i", "testsrc2=size="+size+":rate=25:duration="+seconds,
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", gop, "-keyint_min", gop, "-pix_fmt", "yuv420p",
		"-x264-params", "scenecut=0:aud=1:repeat-headers=1", "-f", "h264")
	c, err := footage.Read(file, 25)
	require.NoError(t, err)
	return c
}

// camera publishes access units over RTSP/TCP with times that the test chooses, as fast as they
// can be sent.
type camera struct {
	t      *testing.T
	lib    *gortsplib.Client
	media  *description.Media
	coder  *rtph264.Encoder
	closed bool
}

func newCamera(t *testing.T, url string, c *footage.Clip) *camera {
	t.Helper()
	cam, err := tryCamera(t, url, c)
	require.NoError(t, err)
	return cam
}

// tryCamera returns the server's error if it refuses the camera.
func tryCamera(t *testing.T, url string, c *footage.Clip) (*camera, error) {
	t.Helper()
	h := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: c.SPS, PPS: c.PPS}
	coder, err := h.CreateEncoder()
	require.NoError(t, err)
	tcp := gortsplib.ProtocolTCP
	cam := &camera{
		t: t, coder: coder, lib: &gortsplib.Client{Protocol: &tcp, WriteQueueSize: 1024},
		media: &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{h}},
	}
	if err := cam.lib.StartRecording(url, &description.Session{Medias: []*description.Media{cam.media}}); err != nil {
		return nil, err
	}
	t.Cleanup(cam.close)
	return cam, nil
}

// send sends access units from a time on and returns the time after the last one.
func (c *camera) send(units []footage.Unit, at uint32) uint32 {
	c.t.Helper()
	for _, u := range units {
		pkts, err := c.coder.Encode(u.NALs)
		require.NoError(c.t, err)
		for _, p := range pkts {
			p.Timestamp = at
			err := c.lib.WritePacketRTP(c.media, p)
			for full := (liberrors.ErrClientWriteQueueFull{}); errors.As(err, &full); {
				time.Sleep(time.Millisecond) // the network's pace; no event is awaited
				err = c.lib.WritePacketRTP(c.media, p)
			}
			require.NoError(c.t, err)
		}
		at += frameTicks
	}
	return at
}

// close closes the session; further calls do nothing.
func (c *camera) close() {
	if !c.closed {
		c.closed = true
		c.lib.Close()
	}
}

// leave closes the session once the server has received units access units. The server may hold
// the last one back until the end.
func (c *camera) leave(r *recorder, stream string, units int) {
	c.t.Helper()
	c.arrived(r, stream, units-1)
	c.close()
}

// arrived waits until the server has received units access units.
func (c *camera) arrived(r *recorder, stream string, units int) {
	c.t.Helper()
	eventually(c.t, "all access units at the server", func() bool {
		return int(r.stream(stream).AccessUnits) >= units
	})
}
