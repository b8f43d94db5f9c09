package metadata

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func inDirectory(id string) func() string { return func() string { return id } }

func named(t *testing.T, driver, dsn string, o OpenOptions) opened {
	t.Helper()
	o.Driver, o.DSN = driver, dsn
	c := openWith(t, o)
	ready(t, c.Catalogue)
	return c
}

// nodes returns the nodes of rows by ID, and those of events by theirs.
func nodes(t *testing.T, c opened) map[media.ID]string {
	t.Helper()
	out := map[media.ID]string{}
	for _, r := range records(t, c, media.Query{Limit: media.MaxLimit}).Records {
		out[r.ID] = r.Node
	}
	page, err := c.Events(t.Context(), media.EventQuery{})
	require.NoError(t, err)
	for _, e := range page.Events {
		out[e.ID] = e.Node
	}
	return out
}

// TestRowsOfTheHostsNameAreTakenOver by the recorder that has their file. Two recorders run on hosts
// of the same name: each ends with its own rows, in either order, and rows whose file is missing
// stay as they are.
func TestRowsOfTheHostsNameAreTakenOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		disks := [2]disk{{t, t.TempDir()}, {t, t.TempDir()}}
		before := open(t, driver, dsn) // node1 is the hosts' name
		want := map[media.ID]string{}
		ids := [2]string{disk1, disk2}
		var protected media.ID
		for n := range 40 {
			rec := sample(n, "live/a")
			rec.Path = fmt.Sprintf("live/%02d.mp4", n/2) // the same names on both
			rec.Events = []media.Event{{ID: media.ID{7, byte(n)}, AtUTC: rec.StartUTC, StartUTC: rec.StartUTC, EndUTC: rec.EndUTC}}
			file, row := rec, rec
			switch n / 2 {
			case 1: // killed between the rename of the file and its row
				row.Path, row.State = row.Path+media.PartSuffix, media.StateRecording
			case 2: // moved
				file.Path = "moved/" + file.Path
			}
			put(t, before, row)
			if n == 10 {
				protected = rec.ID
			}
			want[rec.ID], want[rec.Events[0].ID] = ids[n%2], ids[n%2]
			if n/2 == 3 { // neither disk has the file
				want[rec.ID], want[rec.Events[0].ID] = "node1", "node1"
				continue
			}
			file.SizeBytes = 4000
			disks[n%2].write(file)
		}
		_, err := before.SetProtected(t.Context(), protected, true)
		require.NoError(t, err)
		require.NoError(t, before.Flush(t.Context()))
		before.close()
		for i, d := range disks {
			c := named(t, driver, dsn, OpenOptions{Node: ids[i], Directory: inDirectory(ids[i]), Former: []string{"node1"}})
			r := d.reconcile(c)
			require.Equal(t, 19, r.Files)
			require.Zero(t, r.Lost)
			require.Zero(t, r.Others)
			require.Equal(t, 19, r.Adopted)
			require.Equal(t, Report{Files: 19, NotAdopted: r.NotAdopted}, d.reconcile(c), "once")
			c.close()
		}
		c := named(t, driver, dsn, OpenOptions{Node: disk1})
		require.Equal(t, want, nodes(t, c))
		for _, r := range records(t, c, media.Query{}).Records {
			require.Equal(t, media.StateFinished, r.State, r.Path)
			require.Equal(t, r.ID == protected, r.Protected)
		}
		require.Zero(t, c.Stats().Others)
	})
}

// TestRowsFollowTheDirectoryWhenTheNameChanges covers the host's name and a configured one.
func TestRowsFollowTheDirectoryWhenTheNameChanges(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		d, rec := disk{t, t.TempDir()}, sample(1, "live/a")
		last := ""
		for n, name := range []string{"front", disk1, "back"} {
			c := named(t, driver, dsn, OpenOptions{Node: name, Directory: inDirectory(disk1)})
			require.NoError(t, c.ClaimDirectory(t.Context(), (&mount{disk1, ""}).read, false))
			if n == 0 {
				put(t, c, rec)
				d.write(rec)
				require.NoError(t, c.Flush(t.Context()))
			} else {
				_, err := c.Delete(t.Context(), rec.ID)
				require.ErrorIs(t, err, ErrOtherNode, "before it is proven")
				require.ErrorContains(t, err, last)
				require.Equal(t, Report{Files: 1, Adopted: 1}, d.reconcile(c))
			}
			require.Equal(t, name, nodes(t, c)[rec.ID])
			last = name
			c.close()
		}
	})
}

// TestRowsOfARetiredRecorderAreTakenOver on request, and rows without a file become lost.
func TestRowsOfARetiredRecorderAreTakenOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		d := disk{t, t.TempDir()}
		dead := open(t, driver, dsn)
		here, gone := sample(1, "live/a"), sample(2, "live/a")
		put(t, dead, here, gone)
		d.write(here)
		require.NoError(t, dead.Flush(t.Context()))
		dead.close()
		c := named(t, driver, dsn, OpenOptions{Node: "new"})
		require.Equal(t, Report{Files: 1, Others: 1}, d.reconcile(c))
		c.close()
		c = named(t, driver, dsn, OpenOptions{Node: "new", TakeOver: []string{"node1"}})
		require.Equal(t, Report{Files: 1, Adopted: 2, Lost: 1}, d.reconcile(c))
		require.Equal(t, map[media.ID]string{here.ID: "new", gone.ID: "new"}, nodes(t, c))
	})
}

// TestRowOfAnotherRecorderIsNotChanged although a copy of its file is on this disk and is
// recovered, protected and deleted while the database is away.
func TestRowOfAnotherRecorderIsNotChanged(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		theirs := open(t, driver, dsn)
		rec := sample(1, "live/a")
		put(t, theirs, rec)
		require.NoError(t, theirs.Flush(t.Context()))
		before := records(t, theirs, media.Query{}).Records

		require.False(t, before[0].Elsewhere)

		c := named(t, driver, dsn, OpenOptions{Node: "copy"})
		require.True(t, records(t, c, media.Query{}).Records[0].Elsewhere)
		one, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.True(t, one.Elsewhere)
		_, err = c.SetProtected(t.Context(), rec.ID, true)
		require.ErrorIs(t, err, ErrOtherNode)
		_, err = c.Delete(t.Context(), rec.ID)
		require.ErrorIs(t, err, ErrOtherNode)
		require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
		c.up.Store(false)
		require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
		changed := rec
		changed.State, changed.SizeBytes = media.StateRecovered, 1
		mine := sample(2, "live/a")
		put(t, c, changed, mine)
		require.NoError(t, c.Flush(t.Context()))
		require.EqualValues(t, 2, c.Stats().Others)
		require.Equal(t, before, records(t, theirs, media.Query{Ascending: true, Limit: 1}).Records)
		require.Equal(t, map[media.ID]string{rec.ID: "node1", mine.ID: "copy"}, nodes(t, c))
	})
}

// TestRecordingInADirectoryOfItsOwn checks that its row gets that directory's identity as its node, and
// that a comparison of the record directory leaves it alone.
func TestRecordingInADirectoryOfItsOwn(t *testing.T) {
	dsn := servers.Fresh(t, "sqlite")
	main, second := disk{t, t.TempDir()}, disk{t, t.TempDir()}
	c := named(t, "sqlite", dsn, OpenOptions{Node: "front", Directory: inDirectory(disk1)})
	own, aside := sample(1, "live/a"), sample(2, "live/a")
	own.Directory, aside.Directory, aside.Path = disk1, disk2, own.Path
	put(t, c, own, aside)
	main.write(own)
	second.write(aside)
	require.NoError(t, c.Flush(t.Context()))
	require.Equal(t, map[media.ID]string{own.ID: "front", aside.ID: disk2}, nodes(t, c))
	require.Equal(t, Report{Files: 1}, main.reconcile(c))
	_, err := c.Delete(t.Context(), aside.ID)
	require.ErrorIs(t, err, ErrOtherNode)

	there := named(t, "sqlite", dsn, OpenOptions{Node: disk2, Directory: inDirectory(disk2)})
	require.Equal(t, Report{Files: 1}, second.reconcile(there))
	require.NoError(t, os.Remove(filepath.Join(second.dir, aside.Path)))
	require.Equal(t, Report{Lost: 1}, second.reconcile(there))
}
