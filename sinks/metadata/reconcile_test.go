package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// disk is a record directory whose files carry their entry as JSON, padded to the file's size.
type disk struct {
	t   *testing.T
	dir string
}

func (d disk) write(rec media.Recording) {
	d.t.Helper()
	path := filepath.Join(d.dir, filepath.FromSlash(rec.Path))
	require.NoError(d.t, os.MkdirAll(filepath.Dir(path), 0o755))
	b, err := json.Marshal(rec)
	require.NoError(d.t, err)
	require.Less(d.t, len(b), int(rec.SizeBytes), "room for the entry")
	b = append(b, strings.Repeat(" ", int(rec.SizeBytes)-len(b))...)
	require.NoError(d.t, os.WriteFile(path, b, 0o600))
}

func (d disk) readEntry(path string) (rec media.Recording, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &rec)
	}
	return rec, err
}

func (d disk) reconcile(c opened, live ...string) Report {
	d.t.Helper()
	last, total := -1, 0
	r, err := c.Reconcile(d.t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry, IsLive: func(p string) bool { return slices.Contains(live, p) },
		Progress: func(done, of int) { require.Greater(d.t, done, last); last, total = done, of }})
	require.NoError(d.t, err)
	require.Equal(d.t, r.Files, total)
	if r.Files > 0 {
		require.Equal(d.t, total, last, "progress ends at the end")
	}
	return r
}

func TestALostDatabaseIsRebuiltFromTheDiskToTheSameRows(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		d := disk{t, t.TempDir()}
		c := open(t, driver, dsn)
		for n := range 30 {
			rec := sample(n, "live/"+string(rune('a'+n%3)))
			rec.Protected = n%7 == 0
			put(t, c, rec)
			d.write(rec)
		}
		ready(t, c.Catalogue)
		before := all(t, c, media.Query{})
		require.Equal(t, Report{Files: 30}, d.reconcile(c))

		fresh := open(t, driver, servers.Fresh(t, driver))
		require.Equal(t, Report{Files: 30, Added: 30}, d.reconcile(fresh))
		require.Equal(t, before, all(t, fresh, media.Query{}))
		require.Equal(t, Report{Files: 30}, d.reconcile(fresh), "a second run has nothing to do")
		require.Equal(t, before, all(t, fresh, media.Query{}))
	})
}

// The record directory is a symbolic link to its disk.
func TestReconcileLooksIntoALinkedDirectory(t *testing.T) {
	d := disk{t, t.TempDir()}
	d.write(sample(1, "live/a"))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(d.dir, link))
	d.dir = link
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	require.Equal(t, Report{Files: 1, Added: 1}, d.reconcile(c))
}

func TestReconcileMakesRowsAgreeWithTheDisk(t *testing.T) {
	d := disk{t, t.TempDir()}
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	stored := func(n int, stream string) media.Recording { r := sample(n, stream); put(t, c, r); return r }
	lost := stored(1, "lost")
	moved := stored(2, "moved")
	moved.Path = "elsewhere/moved.mp4"
	d.write(moved)
	grown := stored(3, "grown") // its row is older than its file
	grown.SizeBytes += 7
	d.write(grown)
	live := stored(4, "live")
	live.State = media.StateRecording
	put(t, c, live)
	crashed := sample(5, "crashed")
	crashed.State = media.StateRecording
	put(t, c, crashed)
	require.NoError(t, os.MkdirAll(filepath.Join(d.dir, "crashed"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(d.dir, crashed.Path+".part"), []byte("x"), 0o600))
	original := stored(6, "copied")
	d.write(original)
	copied := original
	copied.Path = "copied/copy.mp4"
	d.write(copied)
	require.NoError(t, os.WriteFile(filepath.Join(d.dir, "holiday.mp4"), []byte("not ours"), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(d.dir, "link.mp4")))
	hidden := sample(7, ".trash")
	d.write(hidden)
	growing := sample(8, "starting") // live, and its row is pending
	d.write(growing)

	r := d.reconcile(c, live.Path, growing.Path)
	require.Equal(t, Report{Files: 6, Updated: 2, Lost: 2, Live: 2, Unfinished: 1, Foreign: 1, Copies: 1}, r)
	state := map[string]media.State{}
	for _, rec := range all(t, c, media.Query{}) {
		state[rec.Path] = rec.State
	}
	require.Equal(t, map[string]media.State{
		lost.Path: media.StateLost, moved.Path: media.StateFinished, grown.Path: media.StateFinished,
		live.Path: media.StateRecording, crashed.Path: media.StateRecording, original.Path: media.StateFinished,
	}, state)

	d.write(lost) // the disk is mounted again
	r = d.reconcile(c, live.Path, growing.Path)
	require.Equal(t, 1, r.Updated)
	got, err := c.Record(t.Context(), lost.ID)
	require.NoError(t, err)
	require.Equal(t, lost, got.Recording)
}

// Retention and clients delete while the disk is compared: no recording that was deleted after the
// comparison read it comes back.
func TestRecordingsDeletedDuringAComparisonStayDeleted(t *testing.T) {
	for name, stale := range map[string]bool{"its row is there and says the same": false, "its row says something else": true} {
		t.Run(name, func(t *testing.T) {
			d, c := disk{t, t.TempDir()}, open(t, "sqlite", servers.Fresh(t, "sqlite"))
			gone, added := sample(1, "live/a"), sample(2, "live/a")
			put(t, c, gone)
			if stale {
				larger := gone
				larger.SizeBytes++
				d.write(larger)
			}
			d.write(added)
			ready(t, c.Catalogue)
			forget := func(rec media.Recording) {
				_ = os.Remove(filepath.Join(d.dir, filepath.FromSlash(rec.Path)))
				require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
				require.NoError(t, c.Flush(t.Context()))
			}
			readEntry := func(path string) (media.Recording, error) {
				rec, err := d.readEntry(path)
				forget(rec)
				return rec, err
			}
			isLive := func(path string) bool {
				if path == gone.Path && !stale {
					forget(gone)
				}
				return false
			}
			r, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: readEntry, IsLive: isLive})
			require.NoError(t, err)
			require.Empty(t, all(t, c, media.Query{}))
			require.Zero(t, r.Lost+r.Added+r.Updated, "%+v", r)
		})
	}
}

func TestReconcileLeavesAnotherRecordersRowsAlone(t *testing.T) {
	dsn := servers.Fresh(t, "sqlite")
	other := openWith(t, OpenOptions{Driver: "sqlite", DSN: dsn, Node: "node2"})
	put(t, other, sample(1, "live/a"))
	ready(t, other.Catalogue)
	c := open(t, "sqlite", dsn)
	require.Zero(t, disk{t, t.TempDir()}.reconcile(c))
	require.Equal(t, media.StateFinished, all(t, c, media.Query{})[0].State)
}

func TestReconcileCallsNothingLostWhenTheDirectoryCannotBeRead(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	put(t, c, sample(1, "live/a"))
	_, err := c.Reconcile(t.Context(), Comparison{Dir: filepath.Join(t.TempDir(), "unmounted"), ReadEntry: disk{}.readEntry})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, media.StateFinished, all(t, c, media.Query{})[0].State)
	_, err = c.Reconcile(t.Context(), Comparison{Dir: t.TempDir(), ReadEntry: func(string) (media.Recording, error) { return media.Recording{}, errors.New("x") }})
	require.NoError(t, err)
}

// A kill between a file's rename and its change in the journal leaves a row that has the state
// recording and the old name. The file is the same recording, not a copy, and Ended is called
// once for it.
func TestAFileThatWasRenamedRightBeforeAKillIsFinished(t *testing.T) {
	d := disk{t, t.TempDir()}
	var ended []media.Recording
	dsn := filepath.Join(t.TempDir(), "spool.db")
	o := OpenOptions{
		Driver: "sqlite", DSN: dsn, JournalDir: filepath.Join(t.TempDir(), "journal"),
		Ended: func(_ context.Context, r media.Recording) { ended = append(ended, r) },
	}
	killed := openWith(t, o)
	rec := sample(1, "live/a")
	growing := rec
	growing.State, growing.Path, growing.EndUTC, growing.DurationNS = media.StateRecording, rec.Path+media.PartSuffix, 0, 0
	put(t, killed, growing)
	ready(t, killed.Catalogue)
	d.write(rec)
	o.JournalDir = filepath.Join(t.TempDir(), "journal")
	c := openWith(t, o)
	ready(t, c.Catalogue)
	report := d.reconcile(c)
	require.Equal(t, 1, report.Updated)
	require.Zero(t, report.Copies+report.Lost+report.Added)
	require.Equal(t, []media.Recording{rec}, all(t, c, media.Query{}))
	require.Equal(t, []media.Recording{rec}, ended)
	d.write(sample(2, "live/a")) // a file without a row calls no Ended
	require.Equal(t, Report{Files: 2, Added: 1}, d.reconcile(c), "and that is all")
	require.Len(t, ended, 1)
}

// The pipeline reports the end of a file that ends during a comparison, even while its row has the
// state recording.
func TestAComparisonDoesNotReportTheEndOfAFileOfThisRun(t *testing.T) {
	for name, first := range map[string]func(t *testing.T, c opened, rec media.Recording){
		"its row says that it grows": func(*testing.T, opened, media.Recording) {},
		"its row has just come":      func(t *testing.T, c opened, rec media.Recording) { put(t, c, rec) },
	} {
		t.Run(name, func(t *testing.T) {
			d := disk{t, t.TempDir()}
			c := openWith(t, OpenOptions{
				Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "spool.db"),
				Ended: func(_ context.Context, r media.Recording) { t.Errorf("%s was told of", r.Path) },
			})
			ready(t, c.Catalogue)
			rec := sample(1, "live/a")
			growing := rec
			growing.State, growing.EndUTC, growing.DurationNS = media.StateRecording, 0, 0
			put(t, c, growing)
			d.write(rec)
			_, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: func(path string) (media.Recording, error) {
				first(t, c, rec)
				return rec, nil
			}})
			require.NoError(t, err)
		})
	}
}

// TestReconcileKeepsTheEventsThatAFileHasNoRoomFor keeps events that only the row names, when the
// file has another path, and when its row differs.
func TestReconcileKeepsTheEventsThatAFileHasNoRoomFor(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		d := disk{t, t.TempDir()}
		c := open(t, driver, dsn)
		inFile := media.Event{ID: media.ID{1}, AtUTC: 1, StartUTC: 1, EndUTC: 2}
		inRow := media.Event{ID: media.ID{2}, Key: "k", AtUTC: 2, StartUTC: 1, EndUTC: 3}
		want := []media.Event{inFile, inRow}
		for n := range 2 {
			rec := sample(n, "live/a")
			rec.Events = want
			rec.State = []media.State{media.StateFinished, media.StateRecording}[n]
			put(t, c, rec)
			rec.Events, rec.State = want[:1], media.StateFinished
			if n == 0 {
				rec.Path = "elsewhere/" + filepath.Base(rec.Path)
			}
			d.write(rec)
		}
		ready(t, c.Catalogue)
		d.reconcile(c)
		records := all(t, c, media.Query{})
		require.Len(t, records, 2)
		for _, rec := range records {
			require.Equal(t, media.StateFinished, rec.State)
			require.Equal(t, want, rec.Events)
		}
		require.Contains(t, []string{records[0].Path, records[1].Path}, "elsewhere/"+filepath.Base(sample(0, "").Path))
	})
}

// TestARowWhoseClockWasSetIsMended from its file: an earlier version let the row end before
// it began, or span decades, and no query found it. A time-lapse's row already agrees with its file.
func TestARowWhoseClockWasSetIsMended(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		d := disk{t, t.TempDir()}
		c := open(t, driver, dsn)
		var recs []media.Recording
		for n, off := range []int64{-3600e9, 3600e9, 56 * 365 * 86400e9, 0} {
			rec := sample(n, "live/a")
			rec.EndUTC = rec.StartUTC + rec.DurationNS
			if off == 0 { // a time-lapse
				rec.EndUTC = rec.StartUTC + 60*rec.DurationNS
			}
			d.write(rec)
			recs = append(recs, rec)
			rec.EndUTC += off
			put(t, c, rec)
		}
		ready(t, c.Catalogue)
		require.Equal(t, Report{Files: 4, Updated: 3}, d.reconcile(c))
		ready(t, c.Catalogue)
		for n, rec := range recs {
			end := time.Unix(0, rec.EndUTC)
			found := all(t, c, media.Query{Start: end.Add(-time.Second), End: end})
			require.True(t, slices.ContainsFunc(found, func(r media.Recording) bool { return r.ID == rec.ID }), "recording %d is found by its last second", n)
			got, err := c.Record(t.Context(), rec.ID)
			require.NoError(t, err)
			require.Equal(t, end.UnixNano(), got.EndUTC)
		}
		require.Equal(t, Report{Files: 4}, d.reconcile(c), "once")
	})
}

func TestAStepIsKeptWithItsGap(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		rec := sample(1, "live/a")
		rec.Gap = media.Gap{Cause: media.GapClockStep, StepNS: -50 * 365 * 86400e9}
		put(t, c, rec)
		pending, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		ready(t, c.Catalogue)
		stored, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.Equal(t, rec.Gap, pending.Gap)
		require.Equal(t, rec.Gap, stored.Gap)
	})
}
