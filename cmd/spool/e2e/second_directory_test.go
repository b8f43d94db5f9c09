package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestASecondRecordDirectoryIsReportedAsUnmanaged checks that spool check, the log and health
// report the pipeline, what is missing, and a remedy by hand, which repairs the files of a kill.
// A pipeline made by API is reported as soon as it is declared.
func TestASecondRecordDirectoryIsReportedAsUnmanaged(t *testing.T) {
	t.Parallel()
	home, second := t.TempDir(), t.TempDir()
	config := fmt.Sprintf(`
streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}}
declare: {directories: [%[1]q]}
pipelines:
  second: {streams: ["live/*"], record: manual, stages: [source, gop_ring, segmenter, mp4: {record_path: %[1]q}, metadata]}
`, second)
	r := launch(t, staticBinary, home, config)
	const missing = "a start does not repair the files that a crash leaves in it"
	said := "config.yaml:5:106: pipelines/second/stages/3/mp4/record_path: pipeline second records to " + second + ", which is not mp4.record_path: " + missing
	r.expect(said)
	require.Contains(t, r.command("check"), "warning: "+said)
	require.Contains(t, r.book.String(), said)
	problems := func() (named []string) {
		for _, p := range answer[struct {
			Problems []struct{ Problem, Cause, Remedy string }
		}](r, "GET", "/mp4/health").Problems {
			if p.Problem == "directory_not_managed" {
				require.Contains(t, p.Remedy, "spool reindex --record-path DIR ")
				named = append(named, p.Cause)
			}
		}
		return named
	}
	require.Len(t, problems(), 1)
	require.Contains(t, problems()[0], "pipeline second records to "+filepath.Base(second)+", which is not mp4.record_path: "+missing)

	const byRequest = "a record directory is not managed"
	r.expect(byRequest)
	below := "streams: [live/none]\nstages: [source, gop_ring, segmenter, mp4: {record_path: recordings/below}, metadata]\n"
	resp, body := r.send("PUT", "/mp4/pipelines/below", below, "Content-Type", inYAML)
	require.Equal(t, 200, resp.StatusCode, body)
	require.NotContains(t, r.await(byRequest, "pipeline", "below").text("missing"), "repair", "a start looks below its own directory")
	require.Len(t, problems(), 2)
	resp, body = r.send("DELETE", "/mp4/pipelines/below", "")
	require.Equal(t, 200, resp.StatusCode, body)
	require.Len(t, problems(), 1)

	r.start("live/a", "")
	r.awaitUnits("live/a", 50)
	eventually(t, "the recording has its row", func() bool { return len(r.rows("", 10)) == 1 })
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	parts, err := filepath.Glob(filepath.Join(second, "*.mp4.part"))
	require.NoError(t, err)
	require.Len(t, parts, 1)
	r = launch(t, staticBinary, home, "")
	r.expect(said)
	r.command("repair", parts[0])
	require.FileExists(t, strings.TrimSuffix(parts[0], ".part"))
	require.Contains(t, r.command("reindex", "--record-path", second, "--set", "database/dsn="+r.path("spool.db")), "1 updated, 0 lost")
	rows := r.rows("", 10)
	require.Len(t, rows, 1)
	require.Equal(t, "recovered", rows[0].State)
}
