package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recorder starts and records although the first bytes of its catalogue are damaged, and logs
// a remedy. After the remedy, which runs beside the recorder, it has all its rows again.
func TestAMalformedCatalogueIsRepairedBesideTheRecorder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := launch(t, staticBinary, dir, camera25)
	kept := r.recordsOne(1)
	resp, body := r.send("PATCH", "/mp4/records/"+kept, `{"protected":true}`, "Content-Type", "application/json")
	require.Equal(t, 200, resp.StatusCode, body)
	r.end()
	file := r.path("spool.db")
	broken, err := os.ReadFile(file)
	require.NoError(t, err)
	for i := range 512 {
		broken[i] = byte(i * 7)
	}
	require.NoError(t, os.WriteFile(file, broken, 0o600))

	r = launch(t, staticBinary, dir, camera25)
	r.expect("the database is not available", "request not served")
	require.Contains(t, r.await("catalogue: the database is not available").text("error"), "run spool reindex")
	code, health := r.ask("GET", "/mp4/health")
	require.Equal(t, 200, code)
	require.Contains(t, string(health), `"problem":"catalogue_malformed"`)
	require.Contains(t, string(health), "run spool reindex")
	code, _ = r.ask("GET", "/readyz")
	require.Equal(t, 503, code)
	r.start("live/a", "")
	r.awaitUnits("live/a", 20)
	r.stop("live/a")

	said := r.command("reindex")
	require.Contains(t, said, "spool.db was malformed (file is not a database (26)): it is kept as")
	require.Contains(t, said, "spool_recordings: ")
	aside, err := filepath.Glob(file + ".malformed-*")
	require.NoError(t, err)
	require.NotEmpty(t, aside)
	same, err := os.ReadFile(aside[0])
	require.NoError(t, err)
	require.Equal(t, broken, same)
	eventually(t, "the recorder has found the new file", func() bool { code, _ := r.ask("GET", "/readyz"); return code == 200 })
	require.Len(t, r.awaitRecords("live/a", 2), 2)
	require.True(t, answer[struct{ Record row }](r, "GET", "/mp4/records/"+kept).Record.Protected)
	require.NotContains(t, r.command("reindex"), "malformed")
}
