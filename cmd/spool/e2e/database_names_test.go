package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAStreamNamedAsTheDatabaseKeepsTheCatalogue records streams with the names of SQLite's
// files beside those files, and the next start has the catalogue. Health reports a directory in
// the place of such a file, with a remedy.
func TestAStreamNamedAsTheDatabaseKeepsTheCatalogue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := "mp4: {filename_pattern: '{stream}/{date}_{time}.mp4'}\nstreams:\n"
	streams := []string{"spool.db-journal", "spool.db-wal", "spool.db.open"}
	for _, stream := range streams {
		config += fmt.Sprintf("  %s: {pull: 'testpattern://?size=640x360&fps=25&gop=50'}\n", stream)
	}
	r := launch(t, staticBinary, dir, config)
	for _, stream := range streams {
		r.start(stream, "")
		r.awaitUnits(stream, 20)
		r.stop(stream)
		require.Equal(t, stream+"_", filepath.Dir(r.awaitRecords(stream, 1)[0].File))
	}
	r.end()

	r = launch(t, staticBinary, dir, config)
	require.Len(t, r.rows("", 10), len(streams))
	require.Nil(t, r.problem("database"))
	r.end()

	journal := r.path("spool.db-journal")
	require.NoError(t, os.Rename(journal+"_", journal), "as an earlier version made it")
	r = launch(t, staticBinary, dir, config)
	r.expect("spool.db-journal is a directory")
	p := r.problem("database")
	require.Contains(t, p["cause"], "spool.db-journal is a directory")
	require.Contains(t, p["cause"], "move it away")
	r.end()

	require.NoError(t, os.Rename(journal, journal+"_"))
	r = launch(t, staticBinary, dir, config)
	require.Len(t, r.rows("", 10), len(streams))
	r.end()
}
