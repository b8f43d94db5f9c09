package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dirs returns the directories of recordings, without hidden ones.
func (r *recorder) dirs() (out []string) {
	r.t.Helper()
	require.NoError(r.t, filepath.WalkDir(r.files, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // spool has removed it meanwhile
			return nil
		}
		if err != nil || !d.IsDir() || path == r.files {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(r.files, path)
		out = append(out, rel)
		return err
	}))
	return out
}

// A directory is removed with its last recording, at the latest at the next start. The
// operator's own files and directories stay.
func TestNoEmptyDirectoryOfRecordingsStays(t *testing.T) {
	t.Parallel()
	pattern := []string{"--set", "mp4/filename_pattern={stream_path}/{date}/{time}_{ms}.mp4"}
	dir := t.TempDir()
	r := launch(t, staticBinary, dir, camera25, pattern...)
	mine := []string{"mine", filepath.Join("mine", "empty")}
	require.NoError(t, os.MkdirAll(r.path("mine/empty"), 0o755))
	r.recordsOne(1)
	require.Contains(t, r.dirs(), filepath.Join("live", "a"))
	answer[map[string]any](r, "DELETE", "/mp4/records/"+r.rows("", 1000)[0].ID)
	require.Equal(t, mine, r.dirs(), "one recording is deleted")

	r.recordsOne(1)
	r.recordsOne(2)
	answer[map[string]any](r, "DELETE", fmt.Sprintf("/mp4/records?start=0&end=%d", time.Now().Unix()+9))
	require.Equal(t, mine, r.dirs(), "a range is deleted")

	r.recordsOne(1)
	for _, file := range r.list(".mp4") {
		require.NoError(t, os.Remove(file)) // by hand
	}
	require.NoError(t, os.MkdirAll(r.path("live/gone/20260318"), 0o755)) // an earlier version left it
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	require.Greater(t, len(r.dirs()), len(mine))
	r = launch(t, staticBinary, dir, camera25, pattern...)
	eventually(t, "what was left is swept", func() bool { return len(r.dirs()) == len(mine) })
	require.Equal(t, mine, r.dirs())
}
