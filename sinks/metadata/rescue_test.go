package metadata

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// catalogueFile makes a SQLite catalogue with n recordings of this recorder, whose files
// are on a disk, and n of another recorder without files, each with an event.
func catalogueFile(t *testing.T, n int) (file string, d disk, want map[media.ID]string) {
	t.Helper()
	file, d, want = filepath.Join(t.TempDir(), "spool.db"), disk{t, t.TempDir()}, map[media.ID]string{}
	for _, node := range []string{"node1", "node2"} {
		c := named(t, "sqlite", file, OpenOptions{Node: node})
		for i := range n {
			rec := sample(i, "live/"+node)
			rec.SizeBytes = 4000
			rec.Events = []media.Event{{ID: testID(1000 + i), AtUTC: rec.StartUTC, StartUTC: rec.StartUTC, EndUTC: rec.EndUTC, Name: strings.Repeat("bell ", 20)}}
			put(t, c, rec)
			want[rec.ID] = node
			if node == "node1" {
				d.write(rec)
			}
		}
		require.NoError(t, c.Flush(t.Context()))
		c.close()
	}
	db, err := sql.Open("sqlite", file) // a busy machine may leave a log behind
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoFileExists(t, file+"-wal")
	return file, d, want
}

func garbage(n int) []byte {
	random := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, n)
	_, _ = random.Read(b)
	return b
}

// overwrite writes bytes at an offset of a file.
func overwrite(t *testing.T, file string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(b, at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func rescue(t *testing.T, file, recordDir string) (database.Rescued, error) {
	t.Helper()
	return Rescue(t.Context(), OpenOptions{Driver: "sqlite", DSN: file}, recordDir)
}

// TestADamagedCatalogueIsRescued covers many kinds of damage: the old file is kept unchanged, every
// readable row is copied, and after a comparison with the disk no recording of this recorder is missing.
func TestADamagedCatalogueIsRescued(t *testing.T) {
	t.Parallel()
	const n = 60
	original, d, want := catalogueFile(t, n)
	data, err := os.ReadFile(original)
	require.NoError(t, err)
	type damage struct {
		name   string
		break_ func(file string)
		others int // least number of recordings of the other recorder afterwards
	}
	all := []damage{
		{"header", func(f string) { overwrite(t, f, 0, garbage(100)) }, n},
		{"first page", func(f string) { overwrite(t, f, 0, garbage(4096)) }, 0},
		{"everything", func(f string) { overwrite(t, f, 0, garbage(len(data))) }, 0},
		{"zeros", func(f string) { overwrite(t, f, 0, make([]byte, len(data))) }, 0},
		{"half is gone", func(f string) { require.NoError(t, os.Truncate(f, int64(len(data)/2))) }, 0},
		{"a page is gone", func(f string) { require.NoError(t, os.Truncate(f, int64(len(data)-4096))) }, n * 3 / 4},
		{"torn in a page", func(f string) { require.NoError(t, os.Truncate(f, int64(len(data)-1000))) }, n * 3 / 4},
		{"a few bytes", func(f string) { require.NoError(t, os.Truncate(f, 50)) }, 0},
		{"text", func(f string) {
			require.NoError(t, os.WriteFile(f, []byte("spool_recordings, but none of SQLite\n"), 0o600))
		}, 0},
	}
	for page := 1; page < len(data)/4096; page += 1 + len(data)/4096/24 {
		all = append(all, damage{fmt.Sprintf("page %d", page), func(f string) { overwrite(t, f, int64(page)*4096, garbage(4096)) }, 0})
	}
	var whole atomic.Int64
	t.Run("damage", func(t *testing.T) {
		for _, x := range all {
			t.Run(x.name, func(t *testing.T) {
				t.Parallel()
				file := filepath.Join(t.TempDir(), "spool.db")
				require.NoError(t, os.WriteFile(file, data, 0o600))
				x.break_(file)
				broken, err := os.ReadFile(file)
				require.NoError(t, err)
				got, err := rescue(t, file, filepath.Dir(file))
				require.NoError(t, err)
				if got.Damage == "" { // the page was free or not full
					require.Contains(t, x.name, "page ")
					return
				}
				kept, err := os.ReadFile(got.Kept)
				require.NoError(t, err)
				require.Equal(t, broken, kept)
				require.Regexp(t, `^spool\.db\.malformed-\d{8}T\d{6}\.\d{3}Z$`, filepath.Base(got.Kept))
				require.Len(t, got.Tables, len(database.Salvaged))
				again, err := rescue(t, file, filepath.Dir(file))
				require.NoError(t, err)
				require.Zero(t, again, "the new one is well")
				left, err := filepath.Glob(file + ".rebuilding*")
				require.NoError(t, err)
				require.Empty(t, left)

				c := named(t, "sqlite", file, OpenOptions{Node: "node1"})
				report := disk{t, d.dir}.reconcile(c)
				require.Zero(t, report.Lost)
				found := map[string]int{}
				for _, r := range everything(t, c) {
					require.Equal(t, want[r.ID], r.Node)
					require.Equal(t, media.StateFinished, r.State)
					found[r.Node]++
				}
				require.Equal(t, n, found["node1"])
				require.GreaterOrEqual(t, found["node2"], x.others)
				whole.Add(int64(found["node2"]))
				c.close()
			})
		}
	})
	require.Greater(t, int(whole.Load()), n*len(all)/3, "one damaged page takes few rows along")
}

func everything(t *testing.T, c opened) (out []media.Record) {
	return records(t, c, media.Query{Limit: media.MaxLimit}).Records
}

// TestARecorderOfAMalformedCatalogueGoesOn from its start, and later opens the rescued file.
func TestARecorderOfAMalformedCatalogueGoesOn(t *testing.T) {
	file, d, _ := catalogueFile(t, 5)
	overwrite(t, file, 0, garbage(200))
	c := openWith(t, OpenOptions{Driver: "sqlite", DSN: file, Node: "node1", Place: machine(1)})
	require.NoError(t, c.RefusedAtStart(t.Context()))
	require.Eventually(t, func() bool { return c.Stats().Malformed && c.Stats().LastError != "" }, time.Minute, 5*time.Millisecond)
	for _, part := range []string{file, "malformed", "run spool reindex"} {
		require.Contains(t, c.Stats().LastError, part)
	}
	rec := sample(100, "live/node1")
	put(t, c, rec)
	page := records(t, c, media.Query{})
	require.True(t, page.Degraded)
	require.Len(t, page.Records, 1)

	got, err := rescue(t, file, d.dir)
	require.NoError(t, err)
	require.NotEmpty(t, got.Kept)
	require.Eventually(t, func() bool { c.Kick(); return !c.Stats().Malformed }, time.Minute, 5*time.Millisecond)
	ready(t, c.Catalogue)
	select {
	case <-c.Behind():
	case <-time.After(patience):
		require.Fail(t, "it is not told that rows are missing")
	}
	rec.SizeBytes = 4000
	d.write(rec)
	d.reconcile(c)
	require.GreaterOrEqual(t, len(everything(t, c)), 6)
}

// TestDamageWhileARecorderRuns is noticed by the first query or write. A file is replaced only after
// the recorder has closed it.
func TestDamageWhileARecorderRuns(t *testing.T) {
	file, d, _ := catalogueFile(t, 20)
	c := named(t, "sqlite", file, OpenOptions{Node: "node1"})
	query(t, c, "PRAGMA wal_checkpoint(TRUNCATE)")
	info, err := os.Stat(file)
	require.NoError(t, err)
	overwrite(t, file, 8192, garbage(int(info.Size())-8192))
	_, err = Rescue(t.Context(), OpenOptions{Driver: "sqlite", DSN: file, ApplyTimeout: 100 * time.Millisecond}, d.dir)
	require.ErrorContains(t, err, "stop that recorder, run spool reindex")
	c.store.Load().Anew() // cached pages are still intact
	require.Eventually(t, func() bool { _ = records(t, c, media.Query{}); return c.Stats().Malformed }, time.Minute, 5*time.Millisecond)
	require.Contains(t, c.Stats().LastError, "run spool reindex", "the error names the remedy")
	put(t, c, sample(100, "live/node1"))
	require.Eventually(t, func() bool { return c.store.Load() == nil }, time.Minute, 5*time.Millisecond, "it has let go")
	_, err = rescue(t, file, d.dir)
	require.NoError(t, err)
	require.Eventually(t, func() bool { c.Kick(); return !c.Stats().Malformed }, time.Minute, 5*time.Millisecond)
	ready(t, c.Catalogue)
	require.NotEmpty(t, everything(t, c))
}

// TestAFileOfAnotherProgramIsLeftAlone unless it is in the record directory.
func TestAFileOfAnotherProgramIsLeftAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holiday.jpg")
	content := append([]byte("\xff\xd8\xff\xe0"), garbage(3<<20)...)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	_, err := rescue(t, file, t.TempDir())
	require.ErrorContains(t, err, "is no catalogue of spool")
	require.ErrorContains(t, err, "database.dsn")
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, content, after)
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)

	copy(content[2<<20-8:], "spool_recordings") // across the end of a read
	require.NoError(t, os.WriteFile(file, content, 0o600))
	got, err := rescue(t, file, t.TempDir())
	require.NoError(t, err)
	require.FileExists(t, got.Kept)
}

// TestAnIntactFileIsNotRescued covers a missing file, an empty one, and an intact one.
func TestAnIntactFileIsNotRescued(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(string){
		"none": func(string) {}, "empty": func(f string) { require.NoError(t, os.WriteFile(f, nil, 0o600)) },
		"well": func(f string) { open(t, "sqlite", f).close() },
	} {
		file := filepath.Join(dir, name)
		make(file)
		got, err := rescue(t, file, dir)
		require.NoError(t, err, name)
		require.Zero(t, got, name)
	}
	got, err := Rescue(t.Context(), OpenOptions{Driver: "postgres", DSN: "postgres://x/y"}, dir)
	require.NoError(t, err)
	require.Zero(t, got)

	file := filepath.Join(dir, "a directory")
	require.NoError(t, os.Mkdir(file, 0o755))
	got, err = rescue(t, file, dir)
	require.ErrorContains(t, err, file+" is a directory, in the place of a file of the database: move it away")
	require.Zero(t, got)
}

// TestAWALOfAnotherFileIsRescued: a backup was restored and the old -wal left in place.
func TestAWALOfAnotherFileIsRescued(t *testing.T) {
	file, d, _ := catalogueFile(t, 10)
	backup, err := os.ReadFile(file)
	require.NoError(t, err)
	c := named(t, "sqlite", file, OpenOptions{Node: "node1"})
	for i := range 40 {
		rec := sample(200+i, "live/node1")
		rec.SizeBytes = 4000
		d.write(rec)
		put(t, c, rec)
	}
	require.NoError(t, c.Flush(t.Context()))
	wal, err := os.ReadFile(file + "-wal")
	require.NoError(t, err)
	c.close()
	fresh := filepath.Join(t.TempDir(), "spool.db")
	require.NoError(t, os.WriteFile(fresh, backup, 0o600))
	overwrite(t, fresh, 8192, garbage(4096))
	require.NoError(t, os.WriteFile(fresh+"-wal", wal, 0o600))
	got, err := rescue(t, fresh, d.dir)
	require.NoError(t, err)
	if got.Kept != "" {
		require.NoFileExists(t, fresh+"-wal")
		require.FileExists(t, got.Kept+"-wal", "it is kept with its file")
	}
	c = named(t, "sqlite", fresh, OpenOptions{Node: "node1"})
	d.reconcile(c)
	own := 0
	for _, r := range everything(t, c) {
		if r.Node == "node1" {
			own++
		}
	}
	require.Equal(t, 50, own)
}

// TestImplausibleRowsOfADamagedPageAreDropped: spool cannot have written them.
func TestImplausibleRowsOfADamagedPageAreDropped(t *testing.T) {
	file, _, _ := catalogueFile(t, 3)
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	for i, change := range []string{"revision = 9223372036854775807", "tracks = 'no json'", "start_ns = 'a'", "gap_step_ns = 'a'", "anchors = '['"} {
		_, err := db.ExecContext(t.Context(), "UPDATE spool_recordings SET "+change+" WHERE rowid = ?", i+1)
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
	overwrite(t, file, 0, garbage(100))
	got, err := rescue(t, file, "")
	require.NoError(t, err)
	require.Equal(t, database.RescuedTable{Name: "spool_recordings", Rows: 1, Invalid: 5}, got.Tables[0])
}

// TestARescueBeforeTheClockIsSet keeps rows whose revisions are later than the clock.
func TestARescueBeforeTheClockIsSet(t *testing.T) {
	file, _, _ := catalogueFile(t, 3)
	overwrite(t, file, 0, garbage(100))
	got, err := Rescue(t.Context(), OpenOptions{Driver: "sqlite", DSN: file, Clock: &turned{at: time.Unix(1000, 0)}}, "")
	require.NoError(t, err)
	require.Equal(t, database.RescuedTable{Name: "spool_recordings", Rows: 6}, got.Tables[0])
}

// TestACatalogueThatCannotBeSharedIsRescued on a file system without locks, or without shared
// memory.
func TestACatalogueThatCannotBeSharedIsRescued(t *testing.T) {
	refuse := func(e unix.Errno) func(int) error { return func(int) error { return e } }
	for name, calls := range map[string]filesystem.Calls{
		"no shared memory": {Mmap: refuse(unix.ENODEV)},
		"no locks":         {Setlk: refuse(unix.ENOLCK)},
	} {
		t.Run(name, func(t *testing.T) {
			setSystem(t, calls)
			file, d, _ := catalogueFile(t, 20)
			require.NoFileExists(t, file+"-shm")
			got, err := rescue(t, file, d.dir)
			require.NoError(t, err)
			require.Empty(t, got.Damage)
			require.NoFileExists(t, file+"-shm")
			overwrite(t, file, 4096, garbage(4096))
			got, err = rescue(t, file, d.dir)
			require.NoError(t, err)
			require.NotEmpty(t, got.Kept)
			require.NoFileExists(t, file+"-shm")
			c := named(t, "sqlite", file, OpenOptions{Node: "node1"})
			d.reconcile(c)
			require.GreaterOrEqual(t, len(everything(t, c)), 20)
		})
	}
}

// TestAFileThatIsWellAgainIsUsedAgain: a failing disk may return wrong bytes once.
func TestAFileThatIsWellAgainIsUsedAgain(t *testing.T) {
	file, _, _ := catalogueFile(t, 3)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	overwrite(t, file, 0, garbage(100))
	clock := &turned{at: base}
	c := openWith(t, OpenOptions{Driver: "sqlite", DSN: file, Node: "node1", Clock: clock})
	require.Eventually(t, func() bool { return c.Stats().Malformed }, time.Minute, 5*time.Millisecond)
	clock.turn(examineAfter)
	c.Kick()
	overwrite(t, file, 0, data[:100])
	clock.turn(examineAtMost)
	require.Eventually(t, func() bool { c.Kick(); return !c.Stats().Malformed }, time.Minute, 5*time.Millisecond)
	ready(t, c.Catalogue)
	require.Len(t, everything(t, c), 6)
}

// TestADamagedLeafTakesItsOwnRowsAlone: the rows behind one or two damaged leaves are read.
func TestADamagedLeafTakesItsOwnRowsAlone(t *testing.T) {
	const n = 60
	file, _, _ := catalogueFile(t, n)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var leaves []int64 // offsets of the leaf pages of spool_recordings
	for at := 0; at < len(data); at += 4096 {
		if page := data[at : at+4096]; page[0] == 0x0d && strings.Contains(string(page), "live/node1/0000") && strings.Contains(string(page), "codec") {
			leaves = append(leaves, int64(at))
		}
	}
	require.Greater(t, len(leaves), 5)
	perLeaf := n/len(leaves) + 3
	overwrite(t, file, leaves[1], garbage(4096))
	overwrite(t, file, leaves[4], garbage(4096))
	got, err := rescue(t, file, "")
	require.NoError(t, err)
	require.Less(t, got.Tables[0].Rows, 2*n)
	require.GreaterOrEqual(t, got.Tables[0].Rows, 2*n-2*perLeaf)
	require.Contains(t, got.Tables[0].Error, "malformed")
}
