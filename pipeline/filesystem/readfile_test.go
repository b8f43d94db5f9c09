package filesystem

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileThatIsTooLongIsNotRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("12345"), 0o600))
	b, err := ReadAtMost(name, 5)
	require.NoError(t, err)
	require.Equal(t, "12345", string(b))
	_, err = ReadAtMost(name, 4)
	require.ErrorContains(t, err, "more than the 4 bytes")
	_, err = ReadAtMost("/dev/zero", 1<<20)
	require.ErrorContains(t, err, "more than")
	_, err = ReadAtMost(name+"x", 4)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
