package e2e

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver of sql.Open
)

// problem returns the problem of GET /mp4/health that contains a word, if any.
func (r *recorder) problem(word string) map[string]string {
	r.t.Helper()
	type health struct{ Problems []map[string]string }
	for _, p := range answer[health](r, "GET", "/mp4/health").Problems {
		if p["problem"] == word {
			return p
		}
	}
	return nil
}

// TestARefusedRowIsReportedAndRetried adds a trigger to the database that refuses a recording's
// row. The file exists, it is listed, and the operator is informed. After a restart without the
// trigger the row is written.
func TestARefusedRowIsReportedAndRetried(t *testing.T) {
	t.Parallel()
	r := serve(t, "")
	r.expect("the database refuses a row")
	r.awaitUnits("live/demo", 25)
	db, err := sql.Open("sqlite", filepath.Join(r.files, "spool.db")+"?_pragma=busy_timeout(60000)")
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "CREATE TRIGGER no BEFORE INSERT ON spool_recordings BEGIN SELECT RAISE(ABORT, 'not this one'); END")
	require.NoError(t, err)
	r.stop("live/demo")
	var p map[string]string
	eventually(t, "the row is set aside", func() bool { p = r.problem("rows_set_aside"); return p != nil })
	require.Contains(t, p["cause"], "refuses 1 row, each kept as a file in "+filepath.Join("recordings", ".spool-journal", "aside"))
	require.Contains(t, p["cause"], "not this one")
	require.Contains(t, p["remedy"], "a restart")
	require.Equal(t, 1.0, r.metric("spool_catalogue_rows_set_aside"))
	code, _ := r.ask("GET", "/readyz")
	require.Equal(t, http.StatusOK, code, "it does not keep others")
	recs := r.rows("stream=live/demo", 10)
	require.Len(t, recs, 1)
	require.Equal(t, "finished", recs[0].State)
	files, err := filepath.Glob(filepath.Join(r.files, ".spool-journal", "aside", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.True(t, strings.HasPrefix(filepath.Base(files[0]), recs[0].ID))

	_, err = db.ExecContext(t.Context(), "DROP TRIGGER no")
	require.NoError(t, err)
	require.Equal(t, 0, r.signal(syscall.SIGINT))
	next := launch(t, racyBinary, r.dir, "")
	eventually(t, "the row is in the database", func() bool { return next.metric("spool_catalogue_rows_set_aside") == 0 })
	require.Nil(t, next.problem("rows_set_aside"))
	var state string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT state FROM spool_recordings WHERE id = ?", recs[0].ID).Scan(&state))
	require.Equal(t, "finished", state)
}
