package filesystem

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPathIsLockedOnceHoweverItIsLocked(t *testing.T) {
	for name, calls := range map[string]*Calls{"flock": {}, "a file beside it": lockless} {
		path := filepath.Join(t.TempDir(), "lock")
		unlock, err := calls.LockPath(Own{}, path)
		require.NoError(t, err, name)
		_, err = calls.LockPath(Own{}, path)
		require.ErrorIs(t, err, ErrLocked, name)
		require.NoError(t, unlock())
		unlock, err = calls.LockPath(Own{}, path)
		require.NoError(t, err, name)
		require.NoError(t, unlock())
		require.FileExists(t, path, "it stays")
	}
	_, err := (&Calls{}).LockPath(Own{}, filepath.Join(t.TempDir(), "away", "lock"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAPathIsSharedOrAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	one, err := LockPathShared(Own{}, path)
	require.NoError(t, err)
	two, err := LockPathShared(Own{}, path)
	require.NoError(t, err)
	_, err = LockPathAlone(Own{}, path)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, one())
	_, err = LockPathAlone(Own{}, path)
	require.ErrorIs(t, err, ErrLocked, "one is left")
	require.NoError(t, two())
	alone, err := LockPathAlone(Own{}, path)
	require.NoError(t, err)
	_, err = LockPathShared(Own{}, path)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, alone())
}
