package e2e

import (
	"os"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Files with the earlier formats of {date} and {time} are recovered, listed, served, deleted,
// found again and limited like those with the present ones.
func TestFilesWithOldNamesKeepWorking(t *testing.T) {
	t.Parallel()
	old := []string{"--set", "mp4/filename_pattern={stream}_{date:%Y-%m-%d}_{time:%H-%M-%S}.mp4"}
	oldName := regexp.MustCompile(`^live_a_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(_\d+)?\.mp4$`)
	dir := t.TempDir()
	r := launch(t, staticBinary, dir, camera25, old...)
	r.recordsOne(1)
	r.recordsOne(2)
	r.start("live/a", "")
	r.awaitUnits("live/a", 20)
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	require.Len(t, r.list(".mp4.part"), 1)

	r = launch(t, staticBinary, dir, camera25)
	r.rowsAreFiles("what the kill left is finished")
	all := r.rows("order=asc", 1000)
	require.Len(t, all, 3)
	for _, rec := range all {
		require.Regexp(t, oldName, rec.File)
	}
	r.recordsOne(4)
	all = r.rows("order=asc", 1000)
	require.Regexp(t, `^live_a_\d{8}_\d{6}(_\d+)?\.mp4$`, all[3].File)
	r.serves(all)
	answer[map[string]any](r, "DELETE", "/mp4/records/"+all[0].ID)
	require.NoFileExists(t, r.path(all[0].File))
	require.Contains(t, r.offline("retention", "--dry-run"), all[1].File)
	r.end()
	for _, rest := range []string{"spool.db", "spool.db-wal", "spool.db-shm", ".spool-journal"} {
		require.NoError(t, os.RemoveAll(r.path(rest)))
	}

	require.Contains(t, r.command("reindex"), "3 added")
	r = launch(t, staticBinary, dir, camera25, "--set", "retention/max_bytes=1MiB")
	eventually(t, "the oldest go", func() bool { rows := r.rows("", 1000); return len(rows) == 1 && rows[0].ID == all[3].ID })
	require.Equal(t, []string{r.path(all[3].File)}, r.list(".mp4"))
}
