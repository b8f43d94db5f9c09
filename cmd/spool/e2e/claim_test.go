package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two recorders use one name on one database; the name is configured or was copied with the
// record directory. The second recorder is refused with both places named, and changes nothing
// of the first one. After a kill the first one has its name again at once.
func TestASecondRecorderOfTheSameNameIsRefused(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"a configured name", "a copied directory"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			db := &database{driver: "sqlite", dsn: t.TempDir() + "/spool.db"}
			flags := db.flags()
			if way == "a configured name" {
				flags = append(flags, "--set", "node/name=front")
			}
			dir := t.TempDir()
			a := launch(t, staticBinary, dir, camera25, flags...)
			kept := a.recordsOne(1)
			node := a.nodeOf(kept)
			other := t.TempDir()
			if way == "a copied directory" {
				eventually(t, "a copy, while the recorder removes no file of it", func() bool {
					return os.RemoveAll(other+"/recordings") == nil && os.CopyFS(other+"/recordings", os.DirFS(a.files)) == nil
				})
				require.NoError(t, os.RemoveAll(other+"/recordings/.spool-journal/lock"))
			}

			b := begin(t, staticBinary, other, camera25, flags...)
			b.expect("another recorder has the name of this one", "this recorder must not run", "is claimed by")
			require.Equal(t, 1, b.exit())
			host, err := os.Hostname()
			require.NoError(t, err)
			said := b.book.String()
			for _, part := range []string{
				"node " + node + " is claimed by the recorder on host " + host + ", record path " + a.files,
				"this one is on host " + host + ", record path " + b.files, "last sign of life", "node.name", "spool reindex --take-over " + node,
			} {
				require.Contains(t, said, part)
			}
			require.Contains(t, a.command("check"), "configuration OK")
			require.Equal(t, "finished", a.stateOf(kept))
			require.Contains(t, b.refusedCommand(append([]string{"reindex"}, flags...)...), "is claimed by the recorder on")

			require.Equal(t, -1, a.signal(syscall.SIGKILL))
			a = launch(t, staticBinary, dir, camera25, flags...)
			require.Equal(t, "finished", a.stateOf(kept))
			require.Equal(t, node, a.nodeOf(a.recordsOne(2)))
			code, body := a.ask("GET", "/readyz")
			require.Equal(t, 200, code, string(body))
			require.Contains(t, a.command(append([]string{"reindex"}, flags...)...), "0 lost", "beside the recorder")

			// The database starts later than the recorder and then refuses the name.
			away := filepath.Join(t.TempDir(), "disk")
			require.NoError(t, os.WriteFile(away, nil, 0o600))
			again := launch(t, staticBinary, other, camera25, append(flags, "--set", "database/dsn="+away+"/spool.db")...)
			again.expect("the database is not available", "another recorder has the name of this one", "the catalogue is not compared with the disk", "request not served")
			again.await("catalogue: the database is not available")
			// In one step: the recorder makes a directory as soon as no file has the name.
			require.NoError(t, os.Symlink(filepath.Dir(db.dsn), away+".link"))
			require.NoError(t, os.Rename(away+".link", away))
			require.Contains(t, again.await("catalogue: another recorder has the name of this one").text("error"), a.files)
			code, body = again.ask("GET", "/mp4/health")
			require.Equal(t, 200, code)
			require.Contains(t, string(body), `"problem":"node_claimed"`)
			code, body = again.ask("GET", "/readyz")
			require.Equal(t, 503, code)
			require.Contains(t, string(body), `"name":"node","ok":false`)
			again.start("live/a", "")
			again.awaitUnits("live/a", 20)
			again.stop("live/a")
			require.Len(t, a.rows("", 1000), 2, "its rows wait")
			a.end()
			eventually(t, "the name was given back", func() bool {
				code, body := again.ask("GET", "/readyz")
				return code == 200 || strings.Contains(string(body), "accept-directory") // a new directory of a name needs the option
			})
		})
	}
}
