package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// database is the database of a recorder.
type database struct {
	driver string
	dsn    string
	server *dbtest.Server // nil for sqlite
}

// eachDatabase runs a test on SQLite, on a real PostgreSQL and on a real MariaDB.
func eachDatabase(t *testing.T, test func(t *testing.T, db *database)) {
	for driver, start := range map[string]func(dbtest.TB) *dbtest.Server{
		"sqlite": nil, "postgres": dbtest.StartPostgres, "mysql": dbtest.StartMariaDB,
	} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			db := &database{driver: driver, dsn: "recordings/spool.db"}
			if start != nil {
				db.server = start(t)
				db.dsn = db.server.DSN
			}
			test(t, db)
		})
	}
}

// empty returns another, empty database of the same kind.
func (db *database) empty(t *testing.T, r *recorder) *database {
	t.Helper()
	if db.server != nil {
		return &database{driver: db.driver, dsn: db.server.Fresh(t), server: db.server}
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Remove(filepath.Join(r.dir, db.dsn) + suffix)
		require.True(t, err == nil || os.IsNotExist(err), "%v", err)
	}
	return db
}

func (db *database) flags() []string {
	return []string{"--set", "database/driver=" + db.driver, "--set", "database/dsn=" + db.dsn}
}

// row holds the fields of a recording that these tests read.
type row struct {
	ID        string           `json:"id"`
	Stream    string           `json:"stream_path"`
	Pipeline  string           `json:"pipeline"`
	File      string           `json:"file_path"`
	Start     time.Time        `json:"start_time"`
	End       time.Time        `json:"end_time"`
	Duration  float64          `json:"duration"`
	Size      int64            `json:"size"`
	State     string           `json:"state"`
	EndReason string           `json:"end_reason"`
	Protected bool             `json:"protected"`
	Tracks    []map[string]any `json:"tracks"`
	Node      string           `json:"node"`
	Gap       any              `json:"gap"`
}

type rowPage struct {
	Status   string
	Records  []row
	Count    int
	Next     string
	Degraded bool
}

// rows returns the rows of all pages of a query; limit is the size of the first page.
func (r *recorder) rows(query string, limit int) (out []row) {
	r.t.Helper()
	for cursor := ""; ; {
		p := answer[rowPage](r, "GET", fmt.Sprintf("/mp4/records?limit=%d%s%s", limit, cursor, and(query)))
		require.Equal(r.t, "success", p.Status)
		require.Len(r.t, p.Records, p.Count)
		require.LessOrEqual(r.t, p.Count, limit)
		out = append(out, p.Records...)
		if p.Next == "" {
			return out
		}
		cursor = "&cursor=" + p.Next
	}
}

// mismatch describes how rows and files differ; "" if each file has exactly one row.
func (r *recorder) mismatch() string {
	r.t.Helper()
	rows := map[string][]string{} // IDs
	for _, rec := range r.rows("", 1000) {
		rows[rec.File] = append(rows[rec.File], rec.ID)
		if rec.State != "finished" && rec.State != "recovered" {
			return rec.File + " is " + rec.State
		}
	}
	files := r.list(".mp4")
	for _, file := range files {
		name, err := filepath.Rel(r.files, file)
		require.NoError(r.t, err)
		if len(rows[name]) != 1 {
			return fmt.Sprintf("%s has the rows %v", name, rows[name])
		}
	}
	if len(rows) != len(files) || len(r.list(".part")) > 0 {
		return fmt.Sprintf("%d rows, %d files, unfinished %v", len(rows), len(files), r.list(".part"))
	}
	return ""
}

// rowsAreFiles waits until there is no mismatch.
func (r *recorder) rowsAreFiles(when ...string) {
	r.t.Helper()
	until, why := time.Now().Add(patience), r.mismatch()
	for ; why != ""; why = r.mismatch() {
		require.True(r.t, time.Now().Before(until), "%s: %s", when, why)
		time.Sleep(50 * time.Millisecond) // the interval of polling
	}
}

// send sends a request with a body and headers, given in pairs.
func (r *recorder) send(method, path, body string, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.api+path, strings.NewReader(body))
	require.NoError(r.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Host = req.Header.Get("Host")
	resp := r.do(req)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp, string(text)
}

// command runs another command of the program in the recorder's directory.
func (r *recorder) command(args ...string) string {
	r.t.Helper()
	path, err := staticBinary()
	require.NoError(r.t, err)
	cmd := exec.CommandContext(r.t.Context(), path, args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "%v\n%s", args, out)
	return string(out)
}

// and joins a further parameter to a query.
func and(query string) string {
	if query == "" {
		return ""
	}
	return "&" + query
}
