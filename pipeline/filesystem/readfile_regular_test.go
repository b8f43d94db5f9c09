package filesystem

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A directory and a named pipe without a writer are refused, and the call does not block.
func TestReadRegularRefusesOtherThanRegularFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	require.NoError(t, os.WriteFile(file, []byte("four"), 0o600))
	for _, name := range []string{dir, pipe} {
		_, err := ReadRegular(name, 10)
		require.ErrorContains(t, err, "it is no file")
	}
	_, err := ReadRegular(filepath.Join(dir, "none"), 10)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = ReadRegular(file, 3)
	require.ErrorContains(t, err, "more than the 3 bytes")
	text, err := ReadRegular(file, 4)
	require.NoError(t, err)
	require.Equal(t, "four", string(text))
}
