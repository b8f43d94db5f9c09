package e2e

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// exec runs a statement in a database, possibly beside a running recorder.
func (db *database) exec(t *testing.T, r *recorder, statement string) {
	t.Helper()
	if db.server != nil {
		db.server.Exec(t, statement)
		return
	}
	lite, err := sql.Open("sqlite", filepath.Join(r.dir, db.dsn)+"?_pragma=busy_timeout(60000)")
	require.NoError(t, err)
	defer lite.Close()
	_, err = lite.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

// TestARowNeverLeadsOutOfTheRecordDirectory writes rows whose paths lead out of the record
// directory, over a link or to a pipe. Such a file is not served, protected or deleted, even if
// it is a copy of the recording itself. A comparison with the disk marks the recording as lost.
// Then the row can be deleted, and the file stays.
func TestARowNeverLeadsOutOfTheRecordDirectory(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *database) {
		r := launch(t, staticBinary, t.TempDir(), camera25, db.flags()...)
		id := r.recordsOne(1)
		db.exec(t, r, "DELETE FROM spool_recordings")
		r.end()
		r = launch(t, staticBinary, r.dir, camera25, db.flags()...)
		eventually(t, "the comparison with the disk is over: it has put the row back", func() bool { return len(r.rows("", 10)) == 1 })
		rec := r.rows("", 10)[0]
		footage, err := os.ReadFile(r.path(rec.File))
		require.NoError(t, err)
		outside, inside := filepath.Join(r.dir, "outside.mp4"), r.path("inside/x.mp4")
		require.NoError(t, os.Mkdir(r.path("inside"), 0o755))
		for _, name := range []string{outside, inside} {
			require.NoError(t, os.WriteFile(name, footage, 0o600))
		}
		require.NoError(t, os.Remove(r.path(rec.File)))
		require.NoError(t, os.Symlink(outside, r.path("link.mp4")))
		require.NoError(t, os.Symlink("inside/x.mp4", r.path("near.mp4")))
		require.NoError(t, os.Symlink(r.dir, r.path("way")))
		require.NoError(t, os.Symlink("inside", r.path("nearway")))
		require.NoError(t, syscall.Mkfifo(r.path("pipe.mp4"), 0o600))
		evil := []string{
			"../outside.mp4", outside, "inside/../../outside.mp4", "./../outside.mp4", "..", "/etc/passwd", `C:\outside.mp4`, `..\outside.mp4`,
			"link.mp4", "near.mp4", "way/outside.mp4", "nearway/x.mp4", "pipe.mp4", "inside", ".spool-directory", "-rf.mp4",
		}
		for _, path := range evil {
			text := path
			if db.driver == "mysql" {
				text = strings.ReplaceAll(path, `\`, `\\`)
			}
			db.exec(t, r, "UPDATE spool_recordings SET file_path = '"+text+"'")
			got := answer[struct{ Record struct{ URL string } }](r, "GET", "/mp4/records/"+id).Record
			if got.URL != "" {
				code, body := r.ask("GET", got.URL)
				require.Equal(t, 404, code, "%s: %.200s", path, body)
			}
			gone := map[string]bool{"-rf.mp4": true, `C:\outside.mp4`: true, `..\outside.mp4`: true}[path]
			for _, change := range []string{`{"protected":true}`, `{"protected":false}`} {
				resp, body := r.send("PATCH", "/mp4/records/"+id, change, "Content-Type", "application/json")
				require.Equal(t, 409, resp.StatusCode, "%s: %s", path, body)
			}
			if !gone { // otherwise the row is deleted like that of any lost file
				code, body := r.ask("DELETE", "/mp4/records/"+id)
				require.Equal(t, 409, code, "%s: %s", path, body)
			}
			for _, name := range []string{outside, inside} {
				now, err := os.ReadFile(name)
				require.NoError(t, err, path)
				require.Equal(t, footage, now, path)
			}
		}
		require.NoError(t, os.Remove(inside)) // otherwise a comparison finds the recording's own file
		db.exec(t, r, "UPDATE spool_recordings SET file_path = '../outside.mp4'")
		r.end()

		r = launch(t, staticBinary, r.dir, camera25, db.flags()...)
		eventually(t, "the row is called lost", func() bool { return r.stateOf(id) == "lost" })
		code, body := r.ask("DELETE", "/mp4/records/"+id)
		require.Equal(t, 200, code, "%s", body)
		now, err := os.ReadFile(outside)
		require.NoError(t, err)
		require.Equal(t, footage, now)
	})
}

// TestLinksAndPipesAreNoFootage gives links, pipes and sockets the names of recordings.
// Recovery, the comparison with the disk, retention, repair and requests for files skip them and
// wait for none. The targets of links stay.
func TestLinksAndPipesAreNoFootage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := launch(t, staticBinary, dir, camera25)
	r.recordsOne(1)
	kept := r.rows("", 10)[0]
	r.start("live/a", "")
	r.awaitUnits("live/a", 20)
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	part := r.list(".mp4.part")
	require.Len(t, part, 1)
	away := t.TempDir()
	left, finished := filepath.Join(away, "left.mp4.part"), filepath.Join(away, "finished.mp4")
	require.NoError(t, os.Rename(part[0], left))
	footage, err := os.ReadFile(r.path(kept.File))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(finished, footage, 0o600))
	unfinished, err := os.ReadFile(left)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(left, part[0]))
	require.NoError(t, os.Symlink(left, r.path("other.mp4.part")))
	require.NoError(t, os.Symlink(finished, r.path("linked.mp4")))
	require.NoError(t, os.Symlink(away, r.path("way")))
	require.NoError(t, os.Symlink("/etc/passwd", r.path("passwd.mp4")))
	for _, name := range []string{"pipe.mp4", "pipe.mp4.part", "deep.mp4"} {
		require.NoError(t, syscall.Mkfifo(r.path(name), 0o600))
	}

	r = launch(t, staticBinary, dir, camera25, "--set", "retention/max_bytes=1MiB", "--set", "http/serve_unknown_files=true")
	eventually(t, "the row of what a link has taken the place of is called lost", func() bool {
		rows := r.rows("", 10)
		return len(rows) == 2 && rows[0].State != "recording" || len(rows) == 1
	})
	for _, name := range []string{"linked.mp4", "passwd.mp4", "way/finished.mp4", "pipe.mp4", "pipe.mp4.part", "other.mp4", "other.mp4.part"} {
		code, body := r.ask("GET", "/mp4/vod/"+name)
		require.Equal(t, 404, code, "%s: %.100s", name, body)
	}
	r.start("live/a", "")
	r.awaitUnits("live/a", 20)
	r.stop("live/a")
	eventually(t, "the oldest goes", func() bool { _, err := os.Stat(r.path(kept.File)); return os.IsNotExist(err) })
	for _, rec := range r.rows("", 10) {
		require.NotContains(t, []string{"linked.mp4", "way/finished.mp4", "passwd.mp4", "pipe.mp4"}, rec.File)
	}
	require.Contains(t, r.command("reindex"), "0 added")
	binary, err := staticBinary()
	require.NoError(t, err)
	said, complaint, _ := run(t, binary, "repair", r.files)
	require.NotContains(t, said+complaint, "passwd")
	for name, want := range map[string][]byte{left: unfinished, finished: footage} {
		now, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, now, name)
	}
	for _, name := range append([]string{"linked.mp4", "other.mp4.part", "way", "passwd.mp4"}, filepath.Base(part[0])) {
		_, err := os.Readlink(r.path(name))
		require.NoError(t, err, name)
	}
	require.NoError(t, os.Remove(part[0])) // not a recording's file
	require.NoError(t, os.Remove(r.path("other.mp4.part")))
	require.NoError(t, os.Remove(r.path("pipe.mp4.part")))
}
