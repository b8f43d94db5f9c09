package metadata

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/durable"
)

// made notes which directories were made, and which were synced behind that.
type made struct {
	durable.Disk
	dirs   []string
	synced map[string]bool
}

func (m *made) Mkdir(name string, perm fs.FileMode) error {
	m.dirs = append(m.dirs, name)
	m.synced[filepath.Dir(name)] = false
	return m.Disk.Mkdir(name, perm)
}

func (m *made) SyncDir(dir string) error {
	m.synced[dir] = true
	return m.Disk.SyncDir(dir)
}

// TestTheJournalsDirectoryIsDurable: each level that is made for it is synced in the
// one above, or a power cut takes it with all that was synced in it.
func TestTheJournalsDirectoryIsDurable(t *testing.T) {
	root := t.TempDir()
	m := &made{synced: map[string]bool{}}
	dir := filepath.Join(root, "records", "journal")
	j, _, err := openJournal(m, dir, func() int64 { return 1000 })
	require.NoError(t, err)
	require.NoError(t, j.close())
	require.Equal(t, []string{filepath.Dir(dir), dir}, m.dirs)
	for _, d := range m.dirs {
		require.True(t, m.synced[filepath.Dir(d)], "%s", d)
	}
}
