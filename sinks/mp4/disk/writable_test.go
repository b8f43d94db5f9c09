package disk

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/filesystem"
)

func tryOnce(t *testing.T, w *Writable) string {
	t.Helper()
	_, err := w.Try()
	if err == nil {
		return ""
	}
	require.NotEmpty(t, ProblemOf(err, time.Time{}).Remedy)
	return ProblemOf(err, time.Time{}).Problem
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
			require.NoError(t, os.WriteFile(filepath.Join(dir, filesystem.ScratchFile), nil, 0o600), "of a crash")
			require.Empty(t, tryOnce(t, w))
			require.NoFileExists(t, filepath.Join(dir, filesystem.ScratchFile))

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
