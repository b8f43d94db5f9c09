package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// masked starts a recorder and its later commands under a umask.
func (r *recorder) masked(umask string) {
	r.cmd.Args = append([]string{"sh", "-c", `umask ` + umask + `; exec "$0" "$@"`, r.cmd.Path}, r.cmd.Args[1:]...)
	r.cmd.Path, _ = exec.LookPath("sh")
}

// TestFilesAreMadeWithTheirModes checks the modes under any umask: recordings have the
// configured modes, and spool's own files belong to spool's user alone. It checks after
// recordings, a crash and its recovery, a protection, and a new catalogue.
func TestFilesAreMadeWithTheirModes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		umask, settings string
		file, dir       fs.FileMode
	}{
		{"000", "", 0o640, 0o750}, {"077", "", 0o640, 0o750},
		{"077", fmt.Sprintf(`file_mode: "0664", dir_mode: "0775", fragment: true, group: "%d", `, os.Getegid()), 0o664, 0o775},
	} {
		t.Run(c.umask+" "+c.file.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			config := camera25 + "mp4: {" + c.settings + `filename_pattern: "{stream_path}/{date}/{timestamp}_{ms}.mp4"}` + "\n"
			for _, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
				r := prepare(t, staticBinary, dir, config)
				r.masked(c.umask)
				if c.dir&0o020 != 0 {
					r.expect("a restart forgets") // since the group can add files
				}
				r.run()
				r.ready()
				id := r.recordsOne(1 + 2*map[syscall.Signal]int{syscall.SIGINT: 1}[end])
				resp, body := r.send("PATCH", "/mp4/records/"+id, `{"protected":true}`, "Content-Type", "application/json")
				require.Equal(t, 200, resp.StatusCode, body)
				r.start("live/a", "")
				r.awaitUnits("live/a", 20)
				r.modes(c.file, c.dir)
				r.signal(end)
				r.modes(c.file, c.dir)
			}
			for _, name := range []string{"spool.db", "spool.db-wal", "spool.db-shm"} {
				_ = os.Remove(filepath.Join(dir, "recordings", name))
			}
			binary, err := staticBinary()
			require.NoError(t, err)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", `umask `+c.umask+`; exec "$0" reindex`, binary)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			(&recorder{t: t, files: filepath.Join(dir, "recordings")}).modes(c.file, c.dir)
		})
	}
}

// modes requires the modes of each file and directory of the record directory.
func (r *recorder) modes(file, dir fs.FileMode) {
	r.t.Helper()
	media := 0
	require.NoError(r.t, filepath.WalkDir(r.files, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(r.t, err)
		info, err := d.Info()
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(r.t, err)
		name, _ := filepath.Rel(r.files, path)
		want := file
		switch {
		case strings.HasPrefix(name, ".spool-") && d.IsDir():
			want = 0o700
		case strings.HasPrefix(name, ".spool-"), strings.HasPrefix(name, "spool.db"):
			want = 0o600
		case d.IsDir():
			want = dir
		default:
			media++
		}
		require.Equal(r.t, want.String(), info.Mode().Perm().String(), name)
		return nil
	}))
	require.NotZero(r.t, media)
}
