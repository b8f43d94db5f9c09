package filesystem

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestADirectoryTakesAFile(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	require.NoError(t, TakesFile(root))
	require.NoFileExists(t, filepath.Join(dir, ScratchFile))

	require.NoError(t, os.WriteFile(filepath.Join(dir, ScratchFile), nil, 0o600), "of a crash")
	require.NoError(t, TakesFile(root))
	require.NoFileExists(t, filepath.Join(dir, ScratchFile))

	require.NoError(t, os.MkdirAll(filepath.Join(dir, ScratchFile, "x"), 0o700))
	require.ErrorIs(t, TakesFile(root), unix.ENOTEMPTY)
	require.NoError(t, os.RemoveAll(dir))
	require.ErrorIs(t, TakesFile(root), os.ErrNotExist)
}
