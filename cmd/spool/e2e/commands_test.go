package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowCommands records short files and runs for each a command that ends when a file lets it.
func slowCommands(ran, shutdownTimeout string) string {
	return fmt.Sprintf(`
flush_interval: 0.2
shutdown_timeout: %s
mp4: {filename_pattern: "{timestamp}_{ms}.mp4"}
streams: {live/a: {pull: "testpattern://?size=64x64&fps=20&gop=8"}}
pipelines:
  default:
    record: always
    stages:
      - source
      - gop_ring
      - segmenter: {max_duration: 0.4}
      - mp4
      - exec: {command: [/bin/sh, -c, 'echo "$1" >> "$0.begun"; while ! test -e "$0.go"; do sleep 0.01; done; echo "$1" >> "$0"', %q, "{file}"]}
      - metadata
`, shutdownTimeout, ran)
}

func lines(path string) []string {
	text, _ := os.ReadFile(path)
	return strings.Fields(string(text))
}

// Commands that still wait or run at the end change neither the exit code nor are they lost: the
// log names each, and the next start runs it. After a kill the next start also repeats a command
// that had begun.
func TestCommandsThatWaitAtTheEndAreRunAtTheNextStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, shutdownTimeout string
		end                   func(*recorder)
	}{
		{"no time is left", "10", func(r *recorder) { require.Equal(r.t, 0, r.signal(syscall.SIGTERM), "all files are finished") }},
		{"a second signal", "1m", func(r *recorder) {
			require.NoError(r.t, r.cmd.Process.Signal(syscall.SIGTERM))
			r.await("waiting for commands of exec")
			require.Equal(r.t, 0, r.signal(syscall.SIGINT), "all files are finished")
		}},
		{"killed", "10", func(r *recorder) { require.Equal(r.t, -1, r.signal(syscall.SIGKILL)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home, ran := t.TempDir(), filepath.Join(t.TempDir(), "ran")
			r := launch(t, staticBinary, home, slowCommands(ran, c.shutdownTimeout))
			r.expect("a command is left")
			eventually(t, "some files are finished", func() bool { return len(r.names(".mp4")) >= 4 })
			eventually(t, "a command runs", func() bool { return len(lines(ran+".begun")) == 1 })
			begun := lines(ran + ".begun")[0]
			c.end(r)
			if c.name != "killed" {
				r.allFinished()
				for _, name := range r.names(".mp4") {
					require.NotNil(t, r.find("a command is left", "file", name), name)
				}
			}
			require.Empty(t, lines(ran))
			left, crashed := r.names(".mp4"), r.names(".part")
			gone := left[1]
			require.NoError(t, os.Remove(r.path(gone)))

			require.NoError(t, os.WriteFile(ran+".go", nil, 0o600))
			r = launch(t, staticBinary, home, slowCommands(ran, "1m"))
			r.expect("a command of an earlier run is not run", "a command is left", "compared", "held no complete chunk")
			left = slices.DeleteFunc(left, func(name string) bool { return name == gone })
			for _, part := range crashed { // their commands come after recovery, for which a drain does not wait
				eventually(t, "it is recovered", func() bool { _, err := os.Lstat(r.path(part)); return errors.Is(err, fs.ErrNotExist) })
				if whole := strings.TrimSuffix(part, ".part"); slices.Contains(r.names(".mp4"), whole) {
					left = append(left, whole)
				}
			}
			eventually(t, "all that were left have run", func() bool {
				return !slices.ContainsFunc(left, func(name string) bool { return !slices.Contains(lines(ran), name) })
			})
			require.Contains(t, r.await("a command of an earlier run is not run", "file", gone).text("error"), "gone")
			require.Equal(t, 0, r.signal(syscall.SIGTERM))
			count := map[string]int{}
			for _, name := range lines(ran) {
				count[name]++
			}
			if c.name == "killed" && count[begun] == 2 { // the command that ran at the kill has gone on, too
				count[begun] = 1
			}
			for _, name := range r.names(".mp4") {
				require.Equal(t, 1, count[name], name)
			}
			entries, err := os.ReadDir(filepath.Join(r.files, ".spool-commands"))
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

// The store of commands names a recording and never a program: it cannot make spool run a
// program that the configuration does not have.
func TestTheStoreOfCommandsNamesNoProgram(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	store := filepath.Join(home, "recordings", ".spool-commands")
	require.NoError(t, os.MkdirAll(store, 0o755))
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(store, name), []byte(text), 0o600))
	}
	id := "0193c1f0-0000-7000-8000-000000000001"
	write(id+"-0011223344556677.json", `{"pipeline": "default", "key": "0011223344556677", "id": "`+id+`", "path": "a.mp4", "command": ["/bin/false"]}`)
	write("garbage.json", "{")
	write("other.json", `{"pipeline": "default", "key": "0011223344556677", "id": "`+id+`", "path": "b.mp4"}`)
	write("half.json.123", "{")
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(store, "link.json")))
	r := launch(t, staticBinary, home, slowCommands(filepath.Join(home, "ran"), "3"))
	r.expect("a command of an earlier run is not run", "a command is left")
	require.Contains(t, r.await("a command of an earlier run is not run", "file", "a.mp4").text("error"), "no such command any more")
	for _, name := range []string{"garbage", "other", "link"} {
		r.await("a command of an earlier run is not run", "name", name)
	}
	require.NoFileExists(t, filepath.Join(store, "half.json.123"))
	require.NoFileExists(t, filepath.Join(store, "garbage.json"))
}
