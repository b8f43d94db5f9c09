// Package egresstest publishes known streams for tests of the outputs.
package egresstest

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// Epoch is a clock whose present is the Unix epoch, at which the numbers of parts begin with 0.
var Epoch pipeline.Clock = epoch{pipeline.SystemClock}

type epoch struct{ pipeline.Clock }

func (epoch) Now() time.Time { return time.Unix(0, 0) }

// Path is the path of the stream that a Camera publishes, and StartUTC the wall clock of its first picture.
const (
	Path     = "live/a"
	StartUTC = pipelinetest.StartUTC
)

// Camera publishes pictures with B-frames, and sound. The content is known, but no decoder can read it.
type Camera struct {
	Hub   *hub.Hub
	Tasks *pipeline.Tasks
	UTC   int64       // wall clock of the next picture, ns
	Next  int         // number of the next picture of this publisher
	Sound int64       // time of the next frame of sound, ticks
	Sent  [2][][]byte // the payloads of the pictures, in mdat form, and of the sound

	t    testing.TB
	pub  *hub.Publisher
	size int // bytes of a picture
}

// New returns a camera that has not begun to publish. At the end of the test it checks that neither a goroutine nor a chunk is left.
func New(t testing.TB) *Camera {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	h := hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: log})
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, tasks.Stop(context.Background()))
	})
	return &Camera{t: t, Hub: h, Tasks: tasks, UTC: pipelinetest.StartUTC, size: 3000}
}

// Publish begins a publication with the given width of pictures.
func (c *Camera) Publish(width int) {
	c.t.Helper()
	var err error
	c.pub, err = c.Hub.Publish(Path, hub.PublishOptions{Origin: "test"})
	require.NoError(c.t, err)
	c.Next, c.Sound = 0, 0
	c.SetTracks(width)
}

// SetTracks changes the width of the pictures.
func (c *Camera) SetTracks(width int) {
	c.t.Helper()
	require.NoError(c.t, c.pub.SetTracks([]media.Track{pipelinetest.AVC(width, 360), pipelinetest.AAC()}))
}

// SetSound changes the sampling rate of the sound.
func (c *Camera) SetSound(rate int) {
	c.t.Helper()
	sound := pipelinetest.AAC()
	sound.Timescale, sound.SampleRate = uint32(rate), rate
	require.NoError(c.t, c.pub.SetTracks([]media.Track{pipelinetest.AVC(640, 360), sound}))
}

// Shoot sends pictures, with a key frame every gop, and the sound that is decoded before each.
func (c *Camera) Shoot(pictures, gop int) {
	c.t.Helper()
	for range pictures {
		dts := int64(c.Next) * 3600
		for c.Sound*90000 < dts*48000 {
			c.write(1, c.Sound, c.Sound, true, 200)
			c.Sound += 1024
		}
		c.write(0, dts, dts+3600*int64(1+c.Next%3), c.Next%gop == 0, c.size)
		c.Next++
		c.UTC += 40_000_000
	}
}

// Say sends frames of sound.
func (c *Camera) Say(frames int) {
	c.t.Helper()
	for range frames {
		c.write(1, c.Sound, c.Sound, true, 200)
		c.Sound += 1024
	}
}

func (c *Camera) write(track int, dts, pts int64, sync bool, size int) {
	c.t.Helper()
	content := bytes.Repeat([]byte{0x65}, size)
	for n := len(c.Sent[track]); n > 0; n >>= 7 {
		content = append(content, 0x80|byte(n)) // no start code
	}
	require.NoError(c.t, c.pub.Write(track, &media.AU{DTS: dts, PTS: pts, UTC: c.UTC, MonoNS: c.UTC, Sync: sync, Payload: [][]byte{content}}))
	if track == 0 {
		content = append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), content...)
	}
	c.Sent[track] = append(c.Sent[track], content)
}

// Units returns the number of access units that were sent.
func (c *Camera) Units() int { return len(c.Sent[0]) + len(c.Sent[1]) }

// Leave ends the publication.
func (c *Camera) Leave() { c.pub.Close(endcause.SourceLost) }
