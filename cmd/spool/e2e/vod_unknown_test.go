package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// TestOnlyFilesInTheCatalogueAreServed checks that a copy of a recording, a file of another
// program and a recording without a row are not served unless an option allows it. Growing
// recordings are served, and recordings are served while the database does not answer.
func TestOnlyFilesInTheCatalogueAreServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := &database{driver: "postgres", server: dbtest.StartPostgres(t)}
	db.dsn = db.server.DSN
	r := launch(t, staticBinary, dir, camera25, db.flags()...)
	r.recordsOne(1)
	known := r.rows("", 10)[0].File
	footage, err := os.ReadFile(r.path(known))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(r.path("copy.mp4"), footage, 0o600))
	require.NoError(t, os.WriteFile(r.path("foreign.mp4"), []byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00 and so on"), 0o600))
	serves := func(name string) int { code, _ := r.ask("GET", "/mp4/vod/"+name); return code }
	require.Equal(t, 200, serves(known))
	for _, name := range []string{"copy.mp4", "foreign.mp4"} {
		code, body := r.ask("GET", "/mp4/vod/"+name)
		require.Equal(t, 404, code, name)
		require.Contains(t, string(body), "http.serve_unknown_files")
	}

	r.start("live/a", "")
	r.awaitUnits("live/a", 20)
	grows := r.status("live/a").File
	require.Equal(t, 200, serves(grows), "%s grows", grows)

	r.expect("catalogue")
	db.server.Freeze()
	require.Equal(t, 200, serves(known), "the database does not answer")
	require.Equal(t, 200, serves(grows))
	require.Equal(t, 404, serves("foreign.mp4"), "its own entry does not name a recording")
	db.server.Thaw()
	eventually(t, "the database answers", func() bool { return serves("copy.mp4") == 404 })
	r.stop("live/a")

	eventually(t, "both rows are in the database", func() bool { return len(r.rows("state=finished", 10)) == 2 })
	db.exec(t, r, "DELETE FROM spool_recordings WHERE file_path = '"+known+"'")
	eventually(t, "its row is gone, which is looked up once a second", func() bool { return serves(known) == 404 })
	require.Equal(t, 200, serves(strings.TrimSuffix(grows, ".part")))
	r.end()

	r = launch(t, staticBinary, dir, camera25, append(db.flags(), "--set", "http/serve_unknown_files=true")...)
	r.expect("catalogue")
	for _, name := range []string{known, "copy.mp4", "foreign.mp4"} {
		require.Equal(t, 200, serves(name), name)
	}
}
