package h264

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// annexB puts start codes before NAL units.
func annexB(dst []byte, units ...[]byte) []byte {
	for _, u := range units {
		dst = append(append(dst, 0, 0, 0, 1), u...)
	}
	return dst
}

// decode runs a stream through ffmpeg, where any error or warning fails the
// test, and returns the frames as planar 4:2:0.
func decode(t *testing.T, stream []byte, width, height int) [][]byte {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-probesize", "100M", "-err_detect", "explode", "-f", "h264", "-i", "-",
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stream), &out, &log
	require.NoError(t, cmd.Run(), log.String())
	require.Empty(t, log.String())
	size := width * height * 3 / 2
	require.Zero(t, out.Len()%size)
	var frames [][]byte
	for b := out.Bytes(); len(b) > 0; b = b[size:] {
		frames = append(frames, b[:size])
	}
	return frames
}

// pixels is a mosaic as a decoder should show it.
func pixels(m *Mosaic, width, height int) []byte {
	luma := make([]byte, 0, width*height*3/2)
	var u, v []byte
	for y := range height {
		for x := range width {
			luma = append(luma, m.Y(x/TileSize, y/TileSize))
		}
	}
	for y := range height / 2 {
		for x := range width / 2 {
			cu, cv := m.Color(x/TileSize, y/TileSize)
			u, v = append(u, cu), append(v, cv)
		}
	}
	return append(append(luma, u...), v...)
}

// scribble changes about one tile in n, to values that need long codes as well
// as short ones.
func scribble(r *rand.Rand, m *Mosaic, n int) {
	cols, rows := m.Size()
	value := func() uint8 {
		switch r.IntN(3) {
		case 0:
			return uint8(r.IntN(2) * 255)
		case 1:
			return uint8(126 + r.IntN(5))
		}
		return uint8(r.IntN(256))
	}
	for range (cols*rows + n - 1) / n {
		m.SetY(r.IntN(cols), r.IntN(rows), value())
		m.SetColor(r.IntN(cols/2), r.IntN(rows/2), value(), value())
	}
}

func TestDecodersShowExactlyWhatWasDrawn(t *testing.T) {
	for _, size := range [][2]int{{16, 16}, {16, 64}, {96, 32}, {130, 98}, {642, 362}, {1280, 720}} {
		width, height := size[0], size[1]
		t.Run(fmt.Sprintf("%dx%d", width, height), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(width)))
			m := NewMosaic(width, height)
			e, err := NewEncoder(Config{Width: width, Height: height, FrameRateNum: 25, FrameRateDen: 1, Bitrate: 20_000_000}, m)
			require.NoError(t, err)
			var want [][]byte
			stream := annexB(nil, e.sps, e.pps)
			for n := range 16 {
				scribble(r, m, 1<<(n%8))
				if n%8 == 0 {
					stream = annexB(stream, e.IDR())
				} else {
					if f := e.Filler(n * 100); f != nil {
						stream = annexB(stream, f)
					}
					stream = annexB(stream, e.P())
				}
				want = append(want, pixels(m, width, height))
			}
			got := decode(t, stream, width, height)
			require.Len(t, got, len(want))
			for n := range want {
				require.True(t, bytes.Equal(want[n], got[n]), "picture %d differs from what was drawn", n)
			}
		})
	}
}
