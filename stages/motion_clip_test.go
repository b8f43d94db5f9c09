package stages_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// scene returns 24 s of a quiet scene with some sensor noise from a real encoder. For 3 s, from second x on, something
// moves through it; never if x is past the end.
func scene(t *testing.T, x int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scene.mp4")
	graph := fmt.Sprintf("[0]noise=alls=3:allf=t[still];[still][1]overlay=x='if(between(t,%d,%d),(t-%d)*100,-400)':y=60", x, x+3, x)
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "smptehdbars=s=320x180:r=25", "-f", "lavfi", "-i", "mandelbrot=s=64x96:r=25",
		"-filter_complex", graph, "-t", "24", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-sc_threshold", "0",
		"-pix_fmt", "yuv420p", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// Motion after a still scene raises events, and sensor noise does not.
func TestMotionInAClipOfARealEncoder(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	for name, c := range map[string]struct {
		at   int
		want bool
	}{"something goes through it": {15, true}, "nothing does": {99, false}} {
		t.Run(name, func(t *testing.T) {
			sink := &stopped{gate: make(chan struct{})}
			close(sink.gate)
			run := start(t, pipelinetest.Pool(t), func(s *pipeline.Services) { pipeline.Provide(s, sink) },
				fmt.Sprintf("[file: {path: %q, speed: max}, motion: {}, stopped: {}]", scene(t, c.at)))
			require.NoError(t, ended(t, run))
			require.EqualValues(t, 24*25, sink.units.Load())
			require.Equal(t, c.want, sink.marks.Load() > 0)
			require.LessOrEqual(t, sink.marks.Load(), int64(6), "as long as it lasts, and no longer")
		})
	}
}
