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

// decode runs a stream through ffmpeg, where any error or warning fails the test, and returns the frames as planar
// 4:2:0.
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

// pixels returns a mosaic as a decoder should show it.
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

// scribble changes about one tile in n, to values that need long codes as well as short ones.
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

// etch gives each macroblock a chosen number of small levels, which noise rarely has: x = H c H / 8 is even if c is a
// multiple of 16.
func etch(r *rand.Rand, m *Mosaic) {
	for mb := range m.dirty {
		var x [16]int32
		for range r.IntN(24) {
			x[r.IntN(16)] = 16 * int32(r.IntN(5)-2)
		}
		hadamard4(&x)
		for i, v := range x {
			m.SetY(mb%m.cols*4+i%4, mb/m.cols*4+i/4, uint8(128+v/8))
		}
	}
}

func TestDecodersShowExactlyWhatWasDrawn(t *testing.T) {
	for _, size := range [][2]int{{16, 16}, {16, 64}, {96, 32}, {130, 98}, {642, 362}} {
		width, height := size[0], size[1]
		t.Run(fmt.Sprintf("%dx%d", width, height), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(width)))
			m := NewMosaic(width, height)
			e, err := NewEncoder(Config{Width: width, Height: height, FrameRateNum: 25, FrameRateDen: 1, Bitrate: 20_000_000}, m)
			require.NoError(t, err)
			var want [][]byte
			stream := annexB(nil, e.sps, e.pps)
			for n := range 16 {
				if scribble(r, m, 1<<(n%8)); n%3 == 1 {
					etch(r, m)
				}
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

func TestPicturesAreNumberedAsTheStandardWants(t *testing.T) {
	m := NewMosaic(16, 16)
	e, err := NewEncoder(Config{Width: 16, Height: 16, FrameRateNum: 25, FrameRateDen: 1}, m)
	require.NoError(t, err)
	header := func(unit []byte, idr bool) string {
		// first_mb 1, slice_type (7: 0001000, 5: 00110), pps 1, then 16 bits frame_num, idr_pic_id
		bits := ""
		for _, b := range unit[1:min(len(unit), 6)] {
			bits += fmt.Sprintf("%08b", b)
		}
		if idr {
			return bits[:9] + " " + bits[9:25] + " " + bits[25:28]
		}
		return bits[:7] + " " + bits[7:23]
	}
	for i, id := range []string{"1", "010", "1"} { // neighbouring IDR pictures differ
		got := header(e.IDR(), true)
		require.Contains(t, got, "100010001 0000000000000000 "+id[:1], "IDR %d", i)
		require.Equal(t, "1001101 0000000000000001", header(bytes.Clone(e.P()), false)[:24])
	}
	for n := 2; n < 70_000; n++ {
		if p := e.P(); n%9_999 == 0 || n == 65_536 {
			want := fmt.Sprintf("%016b", n%65_536)
			unescaped := bytes.ReplaceAll(p, []byte{0, 0, 3}, []byte{0, 0})
			require.Equal(t, "1001101 "+want, header(unescaped, false))
		}
	}
}
