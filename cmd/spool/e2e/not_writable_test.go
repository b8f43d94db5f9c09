package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The start fails with an error that names the setting, the directory, the user and the remedy,
// whichever file would be written first.
func TestARecordPathThatIsNotWritableIsNamedAtTheStart(t *testing.T) {
	t.Parallel()
	path, err := staticBinary()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	user, with := os.Geteuid(), []string{path}
	if user == 0 {
		require.NoError(t, os.Chmod(workshop, 0o755))
		user, with = nobody, []string{"setpriv", "--reuid=" + strconv.Itoa(nobody), "--clear-groups", path}
	}
	for _, record := range []string{dir, filepath.Join(dir, "new")} {
		for _, more := range [][]string{nil, {"--set=node/name=a"}} {
			cmd := exec.Command(with[0], append(append(with[1:len(with):len(with)], "--record-path", record, "--http-listen=127.0.0.1:0", "--rtsp-listen=127.0.0.1:0", "--set=ingest/webrtc/listen="), more...)...)
			cmd.Dir = "/"
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(out), "mp4.record_path is not writable: ")
			require.Contains(t, string(out), record)
			require.Contains(t, string(out), "permission denied: user "+strconv.Itoa(user)+" must be allowed to make files there")
		}
	}
}
