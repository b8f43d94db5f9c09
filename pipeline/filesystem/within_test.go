package filesystem

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Paths are compared by segments after their links are resolved, however they are written.
func TestWithinComparesSegmentsOfResolvedPaths(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Chdir(home)
	for _, dir := range []string{"records/a", "records-old", "more", "elsewhere/b"} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	for link, to := range map[string]string{"records/out": home + "/elsewhere", "records/in": home + "/records/a", "records/more": home + "/more", "disk": home + "/more", "records/nowhere": home + "/none"} {
		require.NoError(t, os.Symlink(to, link))
	}
	roots := []string{"records", home + "/disk"}
	for dir, want := range map[string]bool{
		"records": true, "./records/": true, "records/a/b/c": true, home + "/records/new": true, "records//a": true, "records/in/x": true, "records/more/x": true,
		"disk": true, "disk/x": true, home + "/disk": true,
		"records-old": false, "record": false, "": false, ".": false, "/": false, "/root/x": false, "more": false, home: false,
		"records/../elsewhere": false, "records/..": false, "records/a/../b": false, "records/in/../../x": false,
		"records/out": false, "records/out/b": false, "records/out/new": false,
		"records/.spool-notices": false, "records/a/.hidden/b": false,
		"records/spool.db": false, "records/spool.db-journal": false, "records/a/SPOOL.DB-Wal/b": false, "disk/cameras-shm": false, "records/spool.db.open/x": false, "records/x.migrate": false,
		"records/a-journal-b": true, "records/spool.db_": true, "records/wal": true,
	} {
		got, err := Within(dir, roots)
		require.NoError(t, err, dir)
		require.Equal(t, want, got, dir)
	}
	_, err = Within("records/nowhere/x", roots)
	require.ErrorContains(t, err, "leads nowhere")
	inside, err := Within("x", nil)
	require.NoError(t, err)
	require.False(t, inside)
}
