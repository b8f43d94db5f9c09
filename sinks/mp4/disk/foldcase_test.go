package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDirectoriesAreNamedAsOnTheDisk checks that on a case-insensitive file system the file's
// directories keep the spelling on the disk.
func TestDirectoriesAreNamedAsOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "live/Cam/A"), 0o755))
	for in, want := range map[string]string{
		"x.mp4": "x.mp4", "LIVE/cam/a/X.mp4": "live/Cam/A/X.mp4", "live/Cam/A/x.mp4": "live/Cam/A/x.mp4",
		"Live/other/x.mp4": "live/other/x.mp4", "live/CAM/new/x.mp4": "live/Cam/new/x.mp4",
	} {
		require.Equal(t, want, AsOnDisk(d, in))
	}
	require.False(t, FoldsCase(d))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".SPOOL-DIRECTORY"), nil, 0o600))
	require.True(t, FoldsCase(d))
}
