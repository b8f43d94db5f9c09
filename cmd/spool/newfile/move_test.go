package newfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMoveReplacesNoFile(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	require.NoError(t, os.WriteFile(from, []byte("new"), 0o600))
	require.NoError(t, Move(from, to))
	text, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, "new", string(text))
	require.ErrorIs(t, Move(from, to), fs.ErrExist)
	require.ErrorIs(t, Move(filepath.Join(dir, "none"), filepath.Join(dir, "other")), fs.ErrNotExist)
}
