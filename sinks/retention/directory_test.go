package retention

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/filesystem"
)

// TestAnotherDiskInItsPlaceIsLeftAlone checks that no file is deleted from a disk mounted in the
// place of the record directory, or below its empty mount point, and that retention resumes with
// the right disk.
func TestAnotherDiskInItsPlaceIsLeftAlone(t *testing.T) {
	r := newFixture(t, limits(Limits{Expire: day}))
	r.k.deps.Disk = func(string) (filesystem.Capacity, error) {
		return filesystem.Capacity{UsableBytes: 100 * mib, FreeBytes: 50 * mib}, nil
	}
	r.write(".spool-directory", []byte("0193-this-one"), r.now)
	r.look(0)
	away := r.dir + ".away"
	require.NoError(t, os.Rename(r.dir, away))
	r.look(time.Hour)
	require.NoError(t, os.Mkdir(r.dir, 0o755))
	r.write(".spool-directory", []byte("0193-another"), r.now)
	name := r.put("a.mp4", "live/a", 2*day, mib)
	r.look(time.Hour)
	r.look(time.Hour)
	require.FileExists(t, r.path(name))
	require.Equal(t, 1, strings.Count(r.log.String(), "another directory than before"))

	r.write(".spool-directory", []byte("0193-this-one"), r.now) // mounted again
	r.look(time.Hour)
	require.NoFileExists(t, r.path(name))
	require.NoError(t, os.RemoveAll(away))
}

// TestALinkedDirectoryIsLookedInto checks a record directory that is a symbolic link.
func TestALinkedDirectoryIsLookedInto(t *testing.T) {
	r := newFixture(t, limits(Limits{Expire: day}))
	r.put("cam/old.mp4", "live/a", 2*day, mib)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(r.dir, link))
	deps := r.k.deps
	deps.Dir = link
	k, err := New(Policy{Limits: Limits{Expire: day}, MassExpiry: MassAllow}, deps)
	require.NoError(t, err)
	defer k.Close()
	k.MakeRoom(t.Context())
	require.Empty(t, r.files())
}
