package metadata

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/mp4/powercut"
)

// TestTheJournalsDirectoryIsDurable: each level that is made for it is synced in the
// one above, or a power cut takes it with all that was synced in it.
func TestTheJournalsDirectoryIsDurable(t *testing.T) {
	root := t.TempDir()
	m := &powercut.Levels{}
	dir := filepath.Join(root, "records", "journal")
	j, _, err := openJournal(m, dir, func() int64 { return 1000 })
	require.NoError(t, err)
	require.NoError(t, j.close())
	require.Equal(t, []string{filepath.Dir(dir), dir}, m.Made)
	require.Empty(t, m.Lost())
}
