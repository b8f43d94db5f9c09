package playback

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDir: no name opens anything outside of the directory.
func FuzzDir(f *testing.F) {
	base := f.TempDir()
	dir := filepath.Join(base, "records")
	require.NoError(f, os.MkdirAll(filepath.Join(dir, "live"), 0o755))
	require.NoError(f, os.WriteFile(filepath.Join(base, "secret.mp4"), []byte("secret"), 0o644))
	require.NoError(f, os.WriteFile(filepath.Join(dir, "live", "x.mp4"), []byte("fine"), 0o644))
	require.NoError(f, os.Symlink(base, filepath.Join(dir, "up")))
	for _, seed := range []string{"live/x.mp4", "../secret.mp4", "up/secret.mp4", "live/../../secret.mp4", "/etc/passwd", "live/x.mp4\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		file, err := NewDir(dir, nil).Open(name)
		if err != nil {
			return
		}
		defer file.Close()
		if file.Size != 4 {
			t.Fatalf("%q opened %d bytes", name, file.Size)
		}
	})
}
