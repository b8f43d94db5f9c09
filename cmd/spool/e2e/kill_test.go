package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const camera25 = `streams: {live/a: {pull: "testpattern://?size=640x360&fps=25&gop=50"}}
`

// After kill -9 during a recording the written file plays, and the next start finishes it.
func TestKilledRecordingPlaysAndIsRecovered(t *testing.T) {
	t.Parallel()
	for _, fragment := range []string{"false", "true"} {
		t.Run("fragment="+fragment, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := []string{"--set", "mp4/fragment=" + fragment}
			r := launch(t, staticBinary, dir, camera25, args...)
			r.start("live/a", "")
			s := r.awaitUnits("live/a", 5*72) // five seconds of video and audio
			written := s.LastWritten
			part := r.path(s.File)
			require.Equal(t, -1, r.signal(syscall.SIGKILL))
			copied := filepath.Join(t.TempDir(), "killed.mp4.part")
			b, err := os.ReadFile(part)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(copied, b, 0o644))
			decodes(t, copied)
			numbers := frameNumbers(t, copied, 640, 360)
			whole(t, numbers)
			v := watch(t, filepath.Dir(copied))
			v.plays(filepath.Base(copied), float64(len(numbers))/25)
			v.seeks(filepath.Base(copied), numbers[0], len(numbers), 20)

			again := launch(t, staticBinary, dir, camera25, args...)
			told := fmt.Sprint(again.await("recording recovered after a crash"))
			require.Contains(t, told, "up to flush_interval of media in memory (1s)", "what was in memory is not called nothing")
			require.NotContains(t, told, "lost:")
			rec := again.awaitRecords("live/a", 1)[0]
			require.Equal(t, "recovered crash", rec.State+" "+rec.EndReason)
			file := again.path(rec.File)
			decodes(t, file)
			require.Equal(t, numbers, frameNumbers(t, file, 640, 360), "recovery keeps every picture")
			b, err = os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(copied), "recovered.mp4"), b, 0o644))
			v.seeks("recovered.mp4", numbers[0], len(numbers), 20)
			require.False(t, rec.End.Before(written.Add(-time.Millisecond)), "what was reported as written is there: %v of %v", rec.End, written)
			require.InDelta(t, float64(len(numbers))/25, rec.Duration, 0.05)
			if fragment == "true" {
				fragmented(t, file)
			} else {
				ordinary(t, file)
			}
			require.Len(t, again.records("live/a"), 1, "one file, one row")
			again.allFinished()
		})
	}
}

// whole requires consecutive numbers.
func whole(t *testing.T, numbers []uint32) {
	t.Helper()
	for i, n := range numbers {
		require.Equal(t, numbers[0]+uint32(i), n, "picture %d", i)
	}
}
