package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADirectoryIsNamedOnceAndOnlyWhenAskedTo(t *testing.T) {
	dir := t.TempDir()
	id, err := Identity(dir, false)
	require.NoError(t, err)
	require.Empty(t, id)
	require.NoFileExists(t, filepath.Join(dir, IdentityFile))

	id, err = Identity(dir, true)
	require.NoError(t, err)
	require.Len(t, id, 36)
	for _, create := range []bool{false, true} {
		again, err := Identity(dir, create)
		require.NoError(t, err)
		require.Equal(t, id, again)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, IdentityFile), []byte("half"), 0o600))
	_, err = Identity(dir, true)
	require.ErrorContains(t, err, "is damaged")
	_, err = Identity(filepath.Join(dir, "gone"), true)
	require.ErrorIs(t, err, os.ErrNotExist)
}
