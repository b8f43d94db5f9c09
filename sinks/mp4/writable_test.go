package mp4

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
)

func tryOnce(t *testing.T, w *Writable) string {
	t.Helper()
	_, err := w.Try()
	if err == nil {
		return ""
	}
	require.NotEmpty(t, ProblemOf(err, start).Remedy)
	return ProblemOf(err, start).Problem
}

func TestADirectoryIsWritableUntilAnotherIsInItsPlace(t *testing.T) {
	for _, c := range []struct {
		name     string
		identity bool
	}{{"recorded to", true}, {"before the first recording", false}} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "recordings")
			w := NewWritable(dir)
			defer w.Close()
			require.Empty(t, tryOnce(t, w), "the first recording makes it")
			require.NoError(t, os.Mkdir(dir, 0o755))
			if c.identity {
				_, err := Identity(dir, true)
				require.NoError(t, err)
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, ScratchFile), nil, 0o600), "of a crash")
			require.Empty(t, tryOnce(t, w))
			require.NoFileExists(t, filepath.Join(dir, ScratchFile))

			require.NoError(t, os.Rename(dir, dir+".away"))
			require.Equal(t, "disk_away", tryOnce(t, w))
			require.NoError(t, os.Mkdir(dir, 0o755))
			require.Equal(t, "disk_away", tryOnce(t, w))
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, entries, "nothing is written to another one")
			if c.identity {
				_, err := Identity(dir, true)
				require.NoError(t, err)
				require.Equal(t, "disk_away", tryOnce(t, w), "another one of spool's")
				require.NoError(t, os.RemoveAll(dir))
				require.NoError(t, os.CopyFS(dir, os.DirFS(dir+".away")))
				require.Empty(t, tryOnce(t, w), "it has the identity: the disk was mounted again")
				return
			}
			require.NoError(t, os.RemoveAll(dir))
			require.NoError(t, os.Rename(dir+".away", dir))
			require.Empty(t, tryOnce(t, w))
		})
	}
}

func TestAFileIsNoDirectoryToRecordTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NotEmpty(t, tryOnce(t, NewWritable(file)))
}

// A file ends when no further one can be opened: it has its name and its row says
// so, before any descriptor is given back.
func TestAFileIsFinishedWithoutAFurtherDescriptor(t *testing.T) {
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	cfg := Defaults()
	cfg.FilenamePattern = "{stream_path}/{seq}.mp4"
	s := newSession(t, cfg, nil)
	pool := media.NewCheckedPool()
	set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 2}.make(t, pool)
	require.NoError(t, s.Open(t.Context()))
	seg := segment(set, 1)
	require.NoError(t, s.Process(t.Context(), media.Part{Segment: seg, First: true, Chunk: chunks[0]}, s.emit))
	// No parallel test runs while one that is not does.
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: before.Max}))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	require.NoError(t, s.end(seg, media.EndMaxDuration))
	require.Equal(t, media.StateFinished, s.last().State)
	chunks[1].Release()
	require.NoError(t, s.Close())
}
