package metadata

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// lastKind changes the kind of the last record of a journal file, and its checksum.
func lastKind(t *testing.T, path string, kind byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	at := 36 // behind the header
	for {
		n := 21 + int(binary.LittleEndian.Uint32(b[at+4:]))
		if at+n == len(b) {
			break
		}
		at += n
	}
	b[at+20] = kind
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[at+8:], crc32.Update(crc32.Checksum(b[at+4:at+8], table), table, b[at+12:]))
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

func newestFile(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	require.NoError(t, err)
	return names[len(names)-1]
}

// TestADowngradeNeitherAppliesNorLosesANewerVersionsChanges checks that the older version
// reports it, goes on recording and answering, and that the newer version finds every change in
// order.
func TestADowngradeNeitherAppliesNorLosesANewerVersionsChanges(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c, before := openWith(t, o), sample(1, "live/a")
		put(t, c, before)
		ready(t, c.Catalogue)
		c.close()
		away := o // a newer version that could not reach its database
		away.DSN = map[string]string{"sqlite": filepath.Join(t.TempDir(), "no", "spool.db"), "postgres": "postgres://spool@127.0.0.1:1/spool", "mysql": "spool@tcp(127.0.0.1:1)/spool"}[driver]
		c, theirs := openWith(t, away), sample(2, "live/a")
		put(t, c, theirs)
		c.close()
		path := newestFile(t, o.JournalDir)
		lastKind(t, path, 77)

		c = openWith(t, o)
		var newer *NewerJournalError
		require.ErrorAs(t, c.Ready(t.Context()), &newer)
		require.ErrorContains(t, newer, "was written by a newer version of spool")
		require.ErrorContains(t, newer, filepath.Base(path))
		ours := sample(3, "live/a")
		put(t, c, ours)
		require.ErrorIs(t, c.Flush(t.Context()), ErrUnavailable)
		page := records(t, c, media.Query{})
		require.Len(t, page.Records, 2, "one from the database and one that waits")
		require.True(t, page.Stalled)
		stats := c.Stats()
		require.Equal(t, newer.Error(), stats.LastError)
		require.Equal(t, 1, stats.Pending)
		require.Zero(t, stats.JournalDamagedBytes)
		require.Zero(t, stats.Applied)
		c.close()

		lastKind(t, path, 1) // a kind that the newer version can read
		c = openWith(t, o)
		ready(t, c.Catalogue)
		require.Len(t, all(t, c, media.Query{}), 3)
	})
}

// TestAppliedChangesOfANewerVersionStopNothing covers its newest file, which remains after
// all of its changes were applied.
func TestAppliedChangesOfANewerVersionStopNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c := openWith(t, o)
		put(t, c, sample(1, "live/a"))
		ready(t, c.Catalogue)
		c.close()
		lastKind(t, newestFile(t, o.JournalDir), 77)
		c = openWith(t, o)
		ready(t, c.Catalogue)
		put(t, c, sample(2, "live/a"))
		require.NoError(t, c.Flush(t.Context()))
		require.Len(t, all(t, c, media.Query{}), 2)
	})
}
