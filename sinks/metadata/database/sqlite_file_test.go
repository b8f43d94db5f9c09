package database

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

func sqliteIn(t *testing.T, top, file string) *Target {
	t.Helper()
	target, err := Parse("sqlite", file)
	require.NoError(t, err)
	target.Top = top
	return target
}

// TestADatabaseIsOpenedOverNoLink covers its file, a file that SQLite or spool keeps beside it, and
// a directory below the record directory. The target of the link stays unchanged.
func TestADatabaseIsOpenedOverNoLink(t *testing.T) {
	for _, link := range []string{"spool.db", "spool.db-wal", "spool.db-shm", "spool.db-journal", "spool.db.open", "spool.db.migrate", "db"} {
		top, outside := t.TempDir(), t.TempDir()
		file := filepath.Join(top, "spool.db")
		leads := filepath.Join(outside, "new")
		if link == "db" {
			file, leads = filepath.Join(top, "db", "spool.db"), outside
		}
		require.NoError(t, os.Symlink(leads, filepath.Join(top, link)))
		target := sqliteIn(t, top, file)
		for range 2 { // the second time with the file of the first
			_, err := target.Open(t.Context())
			require.ErrorIs(t, err, filesystem.ErrNotBelow, link)
			require.ErrorContains(t, err, filepath.Join(top, link)+" is a link")
			_, err = Rescue(t.Context(), target, top, RescueOptions{Now: time.Now})
			require.ErrorIs(t, err, filesystem.ErrNotBelow, link)
		}
		left, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Empty(t, left, link)
		require.NoError(t, os.Remove(filepath.Join(top, link)))
		db, err := target.Open(t.Context())
		require.NoError(t, err, "what it said to do helps")
		require.NoError(t, db.Close())
	}
	top := t.TempDir()
	require.NoError(t, unix.Mkfifo(filepath.Join(top, "spool.db"), 0o600))
	_, err := sqliteIn(t, top, filepath.Join(top, "spool.db")).Open(t.Context())
	require.ErrorContains(t, err, "a pipe")
}

// TestNoDirectoryTakesThePlaceOfADatabase, or of a file beside it: the error names the path and
// the remedy.
func TestNoDirectoryTakesThePlaceOfADatabase(t *testing.T) {
	for _, suffix := range append([]string{""}, besideFile...) {
		require.True(t, filesystem.NamesSQLite("spool.db"+suffix), "no recording takes the name")
		top := t.TempDir()
		file := filepath.Join(top, "spool.db")
		target := sqliteIn(t, top, file)
		if suffix != "" {
			db, err := target.Open(t.Context())
			require.NoError(t, err)
			require.NoError(t, db.Close())
			_ = os.Remove(file + suffix)
		}
		require.NoError(t, os.MkdirAll(filepath.Join(file+suffix, "live"), 0o750))
		_, err := target.Open(t.Context())
		require.ErrorContains(t, err, file+suffix+" is a directory")
		require.ErrorContains(t, err, "move it away")
		_, err = Rescue(t.Context(), target, top, RescueOptions{Now: time.Now})
		require.ErrorContains(t, err, file+suffix+" is a directory")
		require.NoError(t, os.Rename(file+suffix, filepath.Join(top, "away")))
		db, err := target.Open(t.Context())
		require.NoError(t, err)
		require.NoError(t, db.Close())
	}
}

// TestTheOperatorsLinksLeadToADatabase: a link to the record directory, and one to the directory of
// a database elsewhere, are followed.
func TestTheOperatorsLinksLeadToADatabase(t *testing.T) {
	home := t.TempDir()
	real, way := filepath.Join(home, "real"), filepath.Join(home, "way")
	require.NoError(t, os.Mkdir(real, 0o750))
	require.NoError(t, os.Symlink(real, way))
	for _, top := range []string{way, filepath.Join(home, "recordings"), ""} {
		db, err := sqliteIn(t, top, filepath.Join(way, "spool.db")).Open(t.Context())
		require.NoError(t, err, top)
		require.NoError(t, db.Close())
	}
	info, err := os.Stat(filepath.Join(real, "spool.db"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// TestSQLiteItselfFollowsNoLink covers a link that is made after prepare has checked the path.
func TestSQLiteItselfFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	file, victim := filepath.Join(dir, "spool.db"), filepath.Join(dir, "victim")
	db, err := sqliteIn(t, dir, file).Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Symlink(victim, file))
	for _, vfs := range []string{"", "vfs=" + lockless} {
		lite, err := sql.Open("sqlite", "file:"+file+"?"+vfs)
		require.NoError(t, err)
		_, err = lite.ExecContext(context.Background(), "CREATE TABLE t (x int)")
		require.Error(t, err, vfs)
		require.NoError(t, lite.Close())
		require.NoFileExists(t, victim)
	}
	t.Chdir(dir)
	require.NoError(t, os.Remove(file))
	for _, vfs := range []string{"", "vfs=" + lockless} {
		lite, err := sql.Open("sqlite", "file:./spool.db?"+vfs)
		require.NoError(t, err)
		_, err = lite.ExecContext(context.Background(), "CREATE TABLE IF NOT EXISTS t (x int)")
		require.NoError(t, err, vfs)
		require.NoError(t, lite.Close())
	}
	require.FileExists(t, file)
}

// TestTheDirectoryOfADatabaseIsForSpoolAlone when spool creates it.
func TestTheDirectoryOfADatabaseIsForSpoolAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	db, err := sqliteIn(t, "", filepath.Join(dir, "spool.db")).Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, db.Close())
	for _, made := range []string{dir, filepath.Dir(dir)} {
		info, err := os.Stat(made)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	}
}
