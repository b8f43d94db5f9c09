package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A start in the empty mount point of a missing disk marks no recording as lost, logs a remedy,
// and records meanwhile.
func TestAStartWithoutTheDiskMarksNoRecordingLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := &database{driver: "sqlite", dsn: filepath.Join(t.TempDir(), "spool.db")}
	flags := append(db.flags(), "--set", "node/name=front")
	run := func() *recorder { return launch(t, staticBinary, dir, camera25, flags...) }
	r := run()
	kept := r.recordsOne(1)
	r.end()
	disk := r.files + ".disk"
	require.NoError(t, os.Rename(r.files, disk))
	require.NoError(t, os.Mkdir(r.files, 0o755))

	r = run()
	r.expect("the catalogue is not compared with the disk", "request not served")
	require.Contains(t, r.await("the catalogue is not compared with the disk").text("error"), "mount that disk")
	code, body := r.ask("GET", "/readyz")
	require.Equal(t, 503, code)
	require.Contains(t, string(body), `"name":"record_path","ok":false`)
	require.Contains(t, string(body), "spool reindex --accept-directory")
	require.NotContains(t, string(body), dir)
	require.Contains(t, r.refusedCommand(append([]string{"reindex"}, flags...)...), "mount that disk")
	astray := r.recordsOne(2)
	require.Equal(t, "finished", r.stateOf(kept))
	r.end()

	require.NoError(t, os.Rename(r.files, r.files+".astray"))
	require.NoError(t, os.Rename(disk, r.files))
	r = run()
	eventually(t, "the disk is mounted again", func() bool { return r.stateOf(astray) == "lost" })
	require.Equal(t, "finished", r.stateOf(kept))
	r.end()

	require.NoError(t, os.Rename(r.files, disk))
	require.NoError(t, os.Mkdir(r.files, 0o755))
	r = run()
	r.expect("the catalogue is not compared with the disk", "request not served")
	r.await("the catalogue is not compared with the disk")
	require.Contains(t, r.command(append([]string{"reindex", "--accept-directory"}, flags...)...), "1 lost")
	require.Equal(t, "lost", r.stateOf(kept))
	eventually(t, "the running recorder hears of it", func() bool { code, _ := r.ask("GET", "/readyz"); return code == 200 })
}

// Without a configured name a recorder in another directory is another recorder. It marks no
// recording of the first one as lost. The first one has its recordings again when its disk is
// back, also on a host of another name.
func TestARecorderWithoutANameIsIdentifiedByItsDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := &database{driver: "sqlite", dsn: filepath.Join(t.TempDir(), "spool.db")}
	run := func() *recorder { return launch(t, staticBinary, dir, camera25, db.flags()...) }
	r := run()
	kept := r.recordsOne(1)
	node := r.nodeOf(kept)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.NotEqual(t, host, node)
	r.end()
	disk := r.files + ".disk"
	require.NoError(t, os.Rename(r.files, disk))
	require.NoError(t, os.Mkdir(r.files, 0o755))

	const replaced = "the record path held another directory before"
	r = run()
	r.expect(replaced, "request not served")
	require.Equal(t, node, r.await(replaced).text("node"))
	code, body := r.ask("GET", "/readyz")
	require.Equal(t, 503, code)
	require.Contains(t, string(body), `"name":"node","ok":false`)
	code, body = r.ask("GET", "/mp4/health")
	require.Equal(t, 200, code)
	require.Contains(t, string(body), `"problem":"record_path_replaced"`)
	require.Contains(t, string(body), "spool reindex --take-over "+node)
	astray := r.recordsOne(2)
	require.NotEqual(t, node, r.nodeOf(astray))
	require.Contains(t, r.command(append([]string{"reindex"}, db.flags()...)...), "0 lost")
	require.Equal(t, "finished", r.stateOf(kept))
	code, body = r.ask("DELETE", "/mp4/records/"+kept)
	require.Equal(t, 409, code)
	require.Contains(t, string(body), "recorded by "+node+": ask it")
	r.end()

	require.NoError(t, os.Rename(r.files, r.files+".astray"))
	require.NoError(t, os.Rename(disk, r.files))
	r = run()
	r.expect(replaced)
	r.await(replaced, "node", r.nodeOf(astray))
	code, body = r.ask("GET", "/readyz")
	require.Equal(t, 200, code, "it is itself again: %s", body)
	require.Equal(t, node, r.nodeOf(r.recordsOne(3)))
	require.Contains(t, r.command(append([]string{"reindex", "--take-over", r.nodeOf(astray)}, db.flags()...)...), "1 lost")
	require.Equal(t, "lost", r.stateOf(astray))
	code, _ = r.ask("DELETE", "/mp4/records/"+kept)
	require.Equal(t, 200, code)
}

func (r *recorder) nodeOf(id string) string {
	r.t.Helper()
	return answer[struct{ Record row }](r, "GET", "/mp4/records/"+id).Record.Node
}

// recordsOne makes the n-th recording of the catalogue and returns its ID.
func (r *recorder) recordsOne(n int) string {
	r.t.Helper()
	r.start("live/a", "")
	r.awaitUnits("live/a", 20)
	r.stop("live/a")
	r.awaitRecords("live/a", n)
	return r.rows("order=desc", 1000)[0].ID
}

func (r *recorder) stateOf(id string) string {
	r.t.Helper()
	return answer[struct{ Record row }](r, "GET", "/mp4/records/"+id).Record.State
}

// refusedCommand is command for a command that must fail.
func (r *recorder) refusedCommand(args ...string) string {
	r.t.Helper()
	path, err := staticBinary()
	require.NoError(r.t, err)
	cmd := exec.CommandContext(r.t.Context(), path, args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	require.Error(r.t, err, "%v\n%s", args, out)
	return string(out)
}
