package metadata

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// limit makes a database refuse rows of 1005 bytes and more; lift ends it.
var limit, lift = map[string]string{
	"postgres": "ALTER TABLE spool_recordings ADD CONSTRAINT small CHECK (size < 1005)",
	"mysql":    "ALTER TABLE spool_recordings ADD CONSTRAINT small CHECK (size < 1005)",
	"sqlite":   "CREATE TRIGGER small BEFORE INSERT ON spool_recordings WHEN NEW.size >= 1005 BEGIN SELECT RAISE(ABORT, 'too big'); END",
}, map[string]string{
	"postgres": "ALTER TABLE spool_recordings DROP CONSTRAINT small",
	"mysql":    "ALTER TABLE spool_recordings DROP CONSTRAINT small",
	"sqlite":   "DROP TRIGGER small",
}

func (c opened) exec(t *testing.T, statement string) {
	t.Helper()
	_, err := c.store.Load().RW.ExecContext(t.Context(), statement)
	require.NoError(t, err, statement)
}

// stored returns the IDs of the recordings in the database itself.
func stored(t *testing.T, c opened) (ids []string) {
	t.Helper()
	require.NoError(t, c.store.Load().RO.NewRaw("SELECT id FROM spool_recordings ORDER BY start_ns").Scan(t.Context(), &ids))
	return ids
}

func asideFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, asideDir, "*"))
	require.NoError(t, err)
	return files
}

// TestARefusedRowDoesNotHoldUpTheOthers gives a column a tighter bound than the catalogue
// checks.
func TestARefusedRowDoesNotHoldUpTheOthers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c := openWith(t, o)
		ready(t, c.Catalogue)
		c.exec(t, limit[driver])
		for n := range 10 {
			put(t, c, sample(9-n, "live/a")) // sizes 1009 to 1000: the accepted rows follow the refused ones
		}
		ready(t, c.Catalogue)
		require.Len(t, stored(t, c), 5)
		require.Len(t, all(t, c, media.Query{}), 10, "what was set aside is listed all the same")
		s := c.Stats()
		require.EqualValues(t, 5, s.Refused)
		require.Equal(t, 5, s.Aside)
		require.True(t, s.Connected)
		require.NotEmpty(t, s.AsideError)
		require.WithinDuration(t, time.Now(), s.AsideSince, time.Minute)
		files := asideFiles(t, o.JournalDir)
		require.Len(t, files, 5)
		b, err := os.ReadFile(files[0])
		require.NoError(t, err)
		var said asideFile
		require.NoError(t, json.Unmarshal(b, &said))
		require.Equal(t, "put", said.Change)
		require.Equal(t, said.Recording, said.Row.ID)
		require.NotEmpty(t, said.Error)
		require.Equal(t, "live/a", said.Row.Stream)

		c.close()
		c = openWith(t, o) // it tries the rows again, and the database refuses them again
		ready(t, c.Catalogue)
		require.Equal(t, 5, c.Stats().Aside)
		require.Len(t, all(t, c, media.Query{}), 10)
		c.exec(t, lift[driver])
		c.close()
		c = openWith(t, o)
		ready(t, c.Catalogue)
		require.Len(t, stored(t, c), 10)
		require.Zero(t, c.Stats().Aside)
		require.Empty(t, asideFiles(t, o.JournalDir))
		for _, r := range records(t, c, media.Query{}).Records {
			require.False(t, r.Pending)
		}
	})
}

// TestARefusedEventDoesNotHoldUpTheOthers checks that a refused event stays listed, also after a
// restart, that it arrives when the database accepts it, and that its recording's row is
// independent of it.
func TestARefusedEventDoesNotHoldUpTheOthers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c := openWith(t, o)
		ready(t, c.Catalogue)
		swap := strings.NewReplacer("spool_recordings", "spool_events", "size < 1005", "name <> 'no'", "NEW.size >= 1005", "NEW.name = 'no'", "small", "polite")
		c.exec(t, limit[driver])
		c.exec(t, swap.Replace(limit[driver]))
		fine, refused := sample(1, "live/x"), sample(8, "live/x") // of 1001 and 1008 bytes
		put(t, c, fine, refused)
		events := make([]media.Event, 4)
		for n := range events {
			events[n] = eventNo(n, time.Minute)
			if n%2 == 1 {
				events[n].Name = "no"
			}
			require.NoError(t, c.PutEvents(t.Context(), []media.Recording{fine, fine, refused, refused}[n], events[n]))
		}
		later := sample(2, "live/x")
		put(t, c, later)
		ready(t, c.Catalogue)
		check := func() {
			t.Helper()
			for n, key := range []string{"a", "b", "c", "d"} {
				e := theEvent(t, c, key)
				require.NotNil(t, e, key)
				require.Equal(t, events[n], e.Event)
				require.Equal(t, []media.ID{[]media.Recording{fine, fine, refused, refused}[n].ID}, filesOf(e), key)
			}
			require.Len(t, all(t, c, media.Query{}), 3)
		}
		check()
		require.Equal(t, []string{fine.ID.String(), later.ID.String()}, stored(t, c))
		require.Equal(t, 4, c.Stats().Aside, "a recording and its events, and an event of another one")
		require.EqualValues(t, 3, c.Stats().Refused)
		c.close()

		c = openWith(t, o)
		ready(t, c.Catalogue)
		check()
		require.Equal(t, 4, c.Stats().Aside)
		c.exec(t, swap.Replace(lift[driver]))
		c.close()
		c = openWith(t, o)
		ready(t, c.Catalogue)
		check()
		require.Equal(t, 3, c.Stats().Aside, "the events of a recording that is still refused wait with it")
		got, err := c.Record(t.Context(), refused.ID)
		require.NoError(t, err)
		require.True(t, got.Pending)
		c.exec(t, lift[driver])
		c.close()
		c = openWith(t, o)
		ready(t, c.Catalogue)
		check()
		require.Zero(t, c.Stats().Aside)
		require.Empty(t, asideFiles(t, o.JournalDir))
		require.Len(t, stored(t, c), 3)
	})
}

// TestARecordingGoesOnWhileItsRowIsAside checks that later changes of the recording are neither
// lost nor refused again and again.
func TestARecordingGoesOnWhileItsRowIsAside(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c := openWith(t, o)
		ready(t, c.Catalogue)
		c.exec(t, limit[driver])
		rec, gone := sample(7, "live/a"), sample(8, "live/a")
		put(t, c, rec, gone)
		ready(t, c.Catalogue)
		for range 3 {
			rec.SizeBytes++
			put(t, c, rec)
			ready(t, c.Catalogue)
		}
		require.EqualValues(t, 2, c.Stats().Refused, "told once a recording")
		require.Len(t, asideFiles(t, o.JournalDir), 2)
		_, err := c.SetProtected(t.Context(), rec.ID, true)
		require.NoError(t, err)
		ready(t, c.Catalogue)
		_, err = c.Delete(t.Context(), rec.ID)
		require.ErrorIs(t, err, ErrProtected)
		_, err = c.Delete(t.Context(), gone.ID)
		require.NoError(t, err)
		ready(t, c.Catalogue)
		_, err = c.Record(t.Context(), gone.ID)
		require.ErrorIs(t, err, ErrNotFound)
		require.Equal(t, 1, c.Stats().Aside)
		c.close()

		c = openWith(t, o)
		ready(t, c.Catalogue)
		got, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.True(t, got.Protected)
		require.Equal(t, rec.SizeBytes, got.SizeBytes)
		rec.SizeBytes = 1 // a size that the database accepts
		put(t, c, rec)
		ready(t, c.Catalogue)
		require.Zero(t, c.Stats().Aside)
		require.Empty(t, asideFiles(t, o.JournalDir))
		require.Equal(t, []string{rec.ID.String()}, stored(t, c))
		got, err = c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.True(t, got.Protected, "which was asked for while it was aside")
		require.False(t, got.Pending)
		require.EqualValues(t, 1, got.SizeBytes)
	})
}

// TestManyRefusedRowsAreTheDatabasesFault checks that beyond a bound no more rows are set aside,
// and that every waiting row arrives once the database accepts rows again.
func TestManyRefusedRowsAreTheDatabasesFault(t *testing.T) {
	const maxAside = 20
	c := openWith(t, OpenOptions{Driver: "sqlite", DSN: servers.Fresh(t, "sqlite"), MaxAside: maxAside})
	ready(t, c.Catalogue)
	c.exec(t, limit["sqlite"])
	for n := range maxAside + 50 {
		rec := sample(n, "live/a")
		rec.SizeBytes = 2000
		put(t, c, rec)
	}
	require.Eventually(t, func() bool { return c.Stalled() }, patience, 10*time.Millisecond)
	s := c.Stats()
	require.Equal(t, maxAside, s.Aside)
	require.GreaterOrEqual(t, s.Pending, 50)
	require.Contains(t, s.Advice, "refuses every row")
	c.exec(t, lift["sqlite"])
	ready(t, c.Catalogue)
	require.Eventually(t, func() bool { return c.Stats().Aside == 0 }, patience, 10*time.Millisecond)
	require.Len(t, stored(t, c), maxAside+50)
}

// TestABatchThatIsTooLargeGoesInParts checks that a batch above MariaDB's max_allowed_packet is
// split, and that a row above it is set aside.
func TestABatchThatIsTooLargeGoesInParts(t *testing.T) {
	dsn := servers.Fresh(t, "mysql")
	admin := sqlDB(t, "mysql", dsn)
	run(t, admin, "SET GLOBAL max_allowed_packet = 65536")
	defer run(t, admin, "SET GLOBAL max_allowed_packet = 16777216")
	c := openWith(t, OpenOptions{Driver: "mysql", DSN: dsn})
	for n := range 40 {
		rec := sample(n, "live/a")
		events := 4
		if n == 20 {
			events = 40 // more than the server accepts in one packet
		}
		for i := range events {
			rec.Events = append(rec.Events, media.Event{ID: media.ID{1, byte(n), byte(i)}, Key: fmt.Sprint(n, i), AtUTC: rec.StartUTC,
				Data: []byte(`"` + strings.Repeat("x", 3000) + `"`)})
		}
		put(t, c, rec)
	}
	ready(t, c.Catalogue)
	require.Len(t, stored(t, c), 39)
	require.Equal(t, 1, c.Stats().Aside)
	require.Contains(t, c.Stats().AsideError, "too large")
}

// TestNoTextOfAnEventIsRefused covers characters in JSON that PostgreSQL refuses.
func TestNoTextOfAnEventIsRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		for n, data := range []string{`"a\u0000b"`, `"\ud800"`, `"\ude00\ud83d"`, `"\ud83d\ude00"`, `"\\u0000"`} {
			rec := sample(n, "live/a")
			rec.Events = []media.Event{{ID: media.ID{2, byte(n)}, Key: "k", AtUTC: rec.StartUTC, Data: []byte(data)}}
			put(t, c, rec)
		}
		ready(t, c.Catalogue)
		require.Empty(t, c.Stats().AsideError)
		require.Len(t, stored(t, c), 5)
		page, err := c.Events(t.Context(), media.EventQuery{Ascending: true})
		require.NoError(t, err)
		var got []string
		for _, e := range page.Events {
			var text string
			require.NoError(t, json.Unmarshal(e.Data, &text))
			got = append(got, text)
		}
		require.Equal(t, []string{"a�b", "�", "��", "😀", `\u0000`}, got)
	})
}

// TestRowsAsideOutliveAPowerCut: once a change was set aside the journal may forget
// it.
func TestRowsAsideOutliveAPowerCut(t *testing.T) {
	at := func(n int, size int64) journal.Change {
		rec := sample(1, "live/a")
		rec.ID, rec.SizeBytes = media.ID{1}, size
		r, err := row.Of(rec, "node1")
		require.NoError(t, err)
		o := journal.Change{Revision: int64(n), Kind: journal.Put, Row: r}
		o.Seal()
		return o
	}
	walk := func(forget int) (syncs int, lost bool) {
		disk := powercut.New()
		disk.Forget(forget)
		a, _, err := openAside(asideDisk{disk})
		require.NoError(t, err)
		for n := 1; n <= 3; n++ {
			_, err := a.refused(at(n, int64(n)), "no", base)
			require.NoError(t, err)
			disk.Note(int64(n))
		}
		syncs, _ = disk.Syncs()
		for s := range disk.States(powercut.Options{Seed: 1, Random: 60}) {
			got, _, err := openAside(asideDisk{s.Disk})
			require.NoError(t, err)
			if len(s.Notes) == 0 {
				continue
			}
			r, ok := got.find(journal.Change{Row: &row.Row{ID: media.ID{1}.String()}})
			if !ok || r.op.Row.SizeBytes < s.Notes[len(s.Notes)-1].(int64) {
				lost = true
			}
		}
		return syncs, lost
	}
	syncs, lost := walk(0)
	require.False(t, lost)
	require.Equal(t, 6, syncs)
	for n := 1; n <= syncs; n++ {
		_, lost := walk(n)
		require.True(t, lost, "the test does not notice that sync %d is missing", n)
	}
}

func FuzzParseAside(f *testing.F) {
	f.Add([]byte(`{"recording":"x","change":"put","revision":5,"row":{"id":"019ca945-0a80-7fa3-bb63-e0d81ec8f718","stream":"a"}}`))
	f.Add([]byte(`{"change":"delete","revision":-1,"row":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseAside(b)
		if err != nil {
			return
		}
		if r.op.Revision <= 0 || r.op.Row == nil || changeNames[r.op.Kind] == "" || r.op.Row.Tracks == nil || r.op.Row.Events == nil {
			t.Fatalf("half a change: %+v", r.op)
		}
		entry{}.with(r.op)
	})
}

// asideDisk adapts the simulator's disk to the directory of rows that are set aside.
type asideDisk struct{ *powercut.Disk }

func (d asideDisk) Create(name string) (journal.File, error) {
	f, err := d.Disk.Create(name)
	return &asideCut{File: f}, err
}

func (d asideDisk) Read(name string) ([]byte, error) { return powercut.Files{Disk: d.Disk}.Read(name) }

func (d asideDisk) List() (names []string, err error) {
	entries, err := d.ReadDir(".")
	for _, e := range entries {
		names = append(names, path.Base(e.Name()))
	}
	return names, err
}

func (d asideDisk) SyncDir() error { return d.Disk.SyncDir(".") }

type asideCut struct {
	*powercut.File
	at int64
}

func (f *asideCut) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.at)
	f.at += int64(n)
	return n, err
}
