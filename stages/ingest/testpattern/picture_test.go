package testpattern

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLook(t *testing.T) {
	for _, size := range [][2]int{{640, 360}, {1280, 720}, {1920, 1080}, {160, 120}, {320, 240}, {64, 64}, {642, 362}, {352, 288}, {96, 96}, {360, 640}} {
		o := Default()
		o.Width, o.Height = size[0], size[1]
		o.Start = 118
		o.UTC = 1782000000_000_000_000
		g, err := New(o)
		require.NoError(t, err)
		var b []byte
		n := 0
		for n < 22 {
			tr, au := g.Next()
			if tr == 0 {
				b = g.AppendAnnexB(b, au)
				n++
			}
		}
		cmd := exec.Command("ffmpeg", "-y", "-v", "warning", "-f", "h264", "-i", "-", "-vf", "select='eq(n,0)+eq(n,13)+eq(n,21)'", "-fps_mode", "passthrough", fmt.Sprintf("/tmp/tp_%dx%d_%%d.png", size[0], size[1]))
		cmd.Stdin = bytes.NewReader(b)
		cmd.Stderr = os.Stderr
		require.NoError(t, cmd.Run())
		t.Log(size, len(b))
	}
}
