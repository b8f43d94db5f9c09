package testpattern

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// ffmpeg decodes a stream; any error or warning fails the test.
func ffmpeg(t *testing.T, in []byte, format string, out ...string) []byte {
	t.Helper()
	var stdout, log bytes.Buffer
	args := append([]string{"-v", "warning", "-xerror", "-err_detect", "explode", "-probesize", "100M", "-f", format, "-i", "-"}, out...)
	cmd := exec.Command("ffmpeg", append(args, "-")...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &stdout, &log
	require.NoError(t, cmd.Run(), log.String())
	require.Empty(t, log.String())
	return stdout.Bytes()
}

// decodeVideo returns the luma planes of the frames of an Annex B stream.
func decodeVideo(t *testing.T, stream []byte, width, height int) [][]byte {
	t.Helper()
	raw := ffmpeg(t, stream, "h264", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough")
	size := width * height * 3 / 2
	require.Zero(t, len(raw)%size)
	var frames [][]byte
	for ; len(raw) > 0; raw = raw[size:] {
		frames = append(frames, raw[:width*height])
	}
	return frames
}

// decodeAudio returns the samples of one channel, in units of a 16-bit sample.
func decodeAudio(t *testing.T, stream []byte, channels int) []float64 {
	t.Helper()
	raw := ffmpeg(t, stream, "aac", "-f", "f32le")
	pcm := make([]float64, len(raw)/4/channels)
	for i := range pcm {
		pcm[i] = 32768 * float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i*channels:])))
	}
	return pcm
}

// dump is the output of a generator up to a frame, or to its end.
type dump struct {
	annexB, adts []byte
	video, audio []media.AU // without payload
	sizes        []int      // of the video access units
}

func take(t *testing.T, o Options, frames int) dump {
	t.Helper()
	g, err := New(o)
	require.NoError(t, err)
	var d dump
	for len(d.video) < frames {
		track, au := g.Next()
		if au == nil {
			break
		}
		plain := *au
		plain.Payload = nil
		if track == AudioTrack {
			d.audio = append(d.audio, plain)
			d.adts = appendADTS(d.adts, o.Channels, au.Payload[0])
			continue
		}
		d.video = append(d.video, plain)
		d.annexB = g.AppendAnnexB(d.annexB, au)
		size := 0
		for _, unit := range au.Payload {
			size += len(unit)
		}
		d.sizes = append(d.sizes, size)
	}
	return d
}

// appendADTS puts the header of ISO/IEC 14496-3, 1.A.2.2 before a frame.
func appendADTS(dst []byte, channels int, frame []byte) []byte {
	n := len(frame) + 7
	dst = append(dst, 0xff, 0xf1, 1<<6|3<<2, byte(channels)<<6|byte(n>>11), byte(n>>3), byte(n)<<5|0x1f, 0xfc)
	return append(dst, frame...)
}
