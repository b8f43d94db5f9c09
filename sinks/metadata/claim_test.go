package metadata

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// machine returns a place in a container of its own, in a running process.
func machine(n int) *Place {
	return &Place{
		Process: fmt.Sprintf("process%d", n), Host: fmt.Sprintf("host%d", n), Path: fmt.Sprintf("/rec%d", n),
		Kernel: "kernel", Namespace: fmt.Sprintf("pid:[%d]", n), PID: os.Getpid(), Born: filesystem.Began(os.Getpid()), Inode: fmt.Sprintf("1:%d", n),
	}
}

// with returns a changed copy of a place.
func (p Place) with(change func(*Place)) *Place { change(&p); return &p }

func dead(p *Place) { p.Process, p.PID, p.Born = p.Process+"x", 1<<30, "1" }

func (d disk) tryReconcile(c opened) (Report, error) {
	return c.Reconcile(d.t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry})
}

// awaitClaimed waits until a catalogue reports that another recorder has its name.
func awaitClaimed(t *testing.T, c opened) string {
	t.Helper()
	var err error
	require.Eventually(t, func() bool { err = c.Claimed(); return err != nil }, time.Minute, 5*time.Millisecond)
	require.ErrorIs(t, err, ErrClaimed)
	return err.Error()
}

func claimant(t *testing.T, driver, dsn string, p *Place, more ...func(*OpenOptions)) opened {
	t.Helper()
	o := OpenOptions{Driver: driver, DSN: dsn, Node: "front", Place: p}
	for _, change := range more {
		change(&o)
	}
	return openWith(t, o)
}

func query(t *testing.T, c opened, text string, args ...any) {
	t.Helper()
	_, err := c.store.Load().RW.ExecContext(t.Context(), text, args...)
	require.NoError(t, err)
}

func count(t *testing.T, c opened) int { t.Helper(); return len(records(t, c, media.Query{}).Records) }

// TestANameIsOneRecordersAtATime checks that the second recorder's error names the place of the
// first, that none of its rows are applied or lost, and that it gets the name as soon as the
// first recorder releases it.
func TestANameIsOneRecordersAtATime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		a := claimant(t, driver, dsn, machine(1), func(o *OpenOptions) { o.Directory = inDirectory(disk1) })
		ready(t, a.Catalogue)
		put(t, a, sample(1, "live/a"))
		require.NoError(t, a.Flush(t.Context()))

		b := claimant(t, driver, dsn, machine(2))
		err := b.RefusedAtStart(t.Context())
		require.ErrorIs(t, err, ErrClaimed)
		for _, part := range []string{"node front", "host host1, record path /rec1", disk1, fmt.Sprintf("pid %d", os.Getpid()), "last sign of life",
			"host host2, record path /rec2", "spool reindex --take-over front", "node.name"} {
			require.ErrorContains(t, err, part)
		}
		ago := regexp.MustCompile(`last sign of life \S+ ago`) // the first may have renewed its claim between the two
		require.Equal(t, ago.ReplaceAllString(err.Error(), ""), ago.ReplaceAllString(awaitClaimed(t, b), ""))
		put(t, b, sample(2, "live/b"))
		require.ErrorIs(t, b.Flush(t.Context()), ErrClaimed)
		_, err = disk{t, t.TempDir()}.tryReconcile(b)
		require.ErrorIs(t, err, ErrClaimed)
		require.ErrorIs(t, b.ClaimDirectory(t.Context(), (&mount{disk2, ""}).read, true), ErrClaimed)
		_, err = b.Upkeep(t.Context(), UpkeepOptions{KeepLost: 1})
		require.ErrorIs(t, err, ErrClaimed)
		require.NotEmpty(t, b.Stats().Claimed)
		require.Equal(t, 2, count(t, b), "it can be asked")
		require.Equal(t, 1, count(t, a))

		a.close()
		require.Eventually(t, func() bool { return b.Claimed() == nil }, time.Minute, 5*time.Millisecond)
		ready(t, b.Catalogue)
		require.Empty(t, b.Stats().Claimed)
		c := open(t, driver, dsn)
		require.Equal(t, 2, count(t, c), "what waited is there")
	})
}

// TestOneOfManyThatStartTogetherHasTheName covers every order in which the database may run them.
func TestOneOfManyThatStartTogetherHasTheName(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		open(t, driver, dsn) // it creates the schema, so that all recorders claim at the same time
		all := make([]opened, 6)
		var wg sync.WaitGroup
		for i := range all {
			all[i] = claimant(t, driver, dsn, machine(i))
		}
		var mu sync.Mutex
		refused := 0
		for i := range all {
			wg.Go(func() {
				if all[i].RefusedAtStart(context.Background()) != nil {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Equal(t, len(all)-1, refused)
	})
}

// TestLifeOfAClaim is a table of the facts about another process and the judgement of life.
func TestLifeOfAClaim(t *testing.T) {
	child := exec.Command("sleep", "1000")
	require.NoError(t, child.Start())
	ended := exec.Command("true")
	require.NoError(t, ended.Start())
	defer func() { require.NoError(t, ended.Wait()) }()
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	require.Eventually(t, func() bool { return filesystem.Began(ended.Process.Pid) == "" }, time.Minute, time.Millisecond, "a zombie is no more")
	me := machine(1)
	for name, c := range map[string]struct {
		claim  func(*Place)
		change func(*claimRow)
		guest  bool
		want   life
	}{
		"it runs here":                       {claim: func(p *Place) { p.PID, p.Born = child.Process.Pid, filesystem.Began(child.Process.Pid) }, want: alive},
		"it runs here, silent for long":      {claim: func(p *Place) {}, change: func(r *claimRow) { r.SeenSeconds = 0 }, want: alive},
		"it was killed":                      {claim: dead, want: gone},
		"it was killed on another disk":      {claim: func(p *Place) { dead(p); p.Inode = "3:4" }, want: gone},
		"its number is another process's":    {claim: func(p *Place) { p.Born = "1" }, want: gone},
		"in another container, same disk":    {claim: func(p *Place) { p.Namespace = "pid:[2]" }, want: gone},
		"beside the recorder of the disk":    {claim: func(p *Place) { p.Namespace = "pid:[2]" }, guest: true, want: unknown},
		"there, and silent":                  {claim: func(p *Place) { p.Namespace, p.Inode = "pid:[2]", "3:4" }, change: func(r *claimRow) { r.SeenSeconds = r.NowSeconds - 60 }, want: gone},
		"in another container, another disk": {claim: func(p *Place) { p.Namespace, p.Inode = "pid:[2]", "3:4" }, want: unknown},
		"on a copy of the machine":           {claim: func(p *Place) { p.Kernel = "copy" }, want: unknown},
		"on the copy, and silent":            {claim: func(p *Place) { p.Kernel = "copy" }, change: func(r *claimRow) { r.SeenSeconds = r.NowSeconds - 60 }, want: gone},
		"there, nearly silent":               {claim: func(p *Place) { p.Kernel = "copy" }, change: func(r *claimRow) { r.SeenSeconds = r.NowSeconds - 59 }, want: unknown},
		"there, of a clock ahead":            {claim: func(p *Place) { p.Kernel = "copy" }, change: func(r *claimRow) { r.SeenSeconds = r.NowSeconds + 9999 }, want: unknown},
		"there, and left":                    {claim: func(p *Place) { p.Kernel = "copy" }, change: func(r *claimRow) { r.Released = 1 }, want: gone},
		"no place is known":                  {claim: func(p *Place) { *p = Place{Process: "x"} }, want: unknown},
		"kept for us":                        {claim: func(p *Place) { p.Process, p.PID, p.Born = "", 0, "" }, guest: true, want: gone},
		"kept for another place":             {claim: func(p *Place) { p.Process, p.PID, p.Born, p.Inode = "", 0, "", "3:4" }, want: unknown},
	} {
		t.Run(name, func(t *testing.T) {
			p := me.with(c.claim)
			r := &claimRow{Place: *p, NowSeconds: 1000, SeenSeconds: 999}
			if c.change != nil {
				c.change(r)
			}
			at := &turned{at: base}
			cat := &Catalogue{opts: OpenOptions{Place: me, Guest: c.guest, Clock: at, Directory: inDirectory("")}}
			w := &watch{}
			s := &store{DB: &database.DB{Driver: "postgres"}}
			require.Equal(t, c.want, cat.life(s, r, w))
			if c.want != unknown {
				return
			}
			at.turn(lapseAfter - 1)
			require.Equal(t, unknown, cat.life(s, r, w))
			again := *r
			again.Beats++
			require.Equal(t, alive, cat.life(s, &again, w), "it was renewed")
			at.turn(lapseAfter)
			require.Equal(t, gone, cat.life(s, &again, w), "nothing is heard of it by our own clock")
			if p.Kernel == "copy" {
				require.Equal(t, gone, cat.life(&store{DB: &database.DB{Driver: "sqlite", OneHost: true}}, r, &watch{}), "a disk of this machine")
				r.SeenSeconds = 0
				require.Equal(t, unknown, cat.life(&store{DB: &database.DB{Driver: "sqlite"}}, r, &watch{}), "clocks of two hosts are not compared")
				require.True(t, cat.claimedBy(r, &watch{}).MayBeUs, "which is seen by our own, after the start")
				r.SeenSeconds = r.NowSeconds + 9999
				require.True(t, cat.claimedBy(r, &watch{}).MayBeUs, "and so is one of a clock that was ahead")
			}
		})
	}
}

// turned is a clock that the test sets.
type turned struct {
	mu sync.Mutex
	at time.Time
}

func (c *turned) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *turned) After(d time.Duration) (<-chan time.Time, func()) {
	timer := time.NewTimer(d)
	return timer.C, func() { timer.Stop() }
}

func (c *turned) turn(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// TestAKilledRecorderHasItsNameAtOnce restarts a killed recorder in its place.
func TestAKilledRecorderHasItsNameAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		a := claimant(t, driver, dsn, machine(1).with(dead))
		ready(t, a.Catalogue)
		b := claimant(t, driver, dsn, machine(1))
		require.NoError(t, b.RefusedAtStart(t.Context()))
		ready(t, b.Catalogue)
		put(t, a, sample(1, "live/a")) // the process was only stopped for a moment
		require.ErrorIs(t, a.Flush(t.Context()), ErrClaimed)
		require.Zero(t, count(t, b))
	})
}

// TestAnEarlierRunBeforeARebootRefusesNobody checks that the recorder records meanwhile, and that
// its rows follow when the earlier claim has lapsed. A copy of the machine looks the same until its
// claim is seen to be renewed.
func TestAnEarlierRunBeforeARebootRefusesNobody(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		if driver == "sqlite" {
			return // life sees the earlier boot of the only machine: see the table
		}
		before := machine(1).with(func(p *Place) { p.Kernel = "before" }).with(dead)
		a := claimant(t, driver, dsn, before, func(o *OpenOptions) { o.Directory = inDirectory(disk1) })
		ready(t, a.Catalogue)
		b := claimant(t, driver, dsn, machine(1), func(o *OpenOptions) { o.Directory = inDirectory(disk1) })
		require.NoError(t, b.RefusedAtStart(t.Context()))
		require.Contains(t, awaitClaimed(t, b), "lapses by itself")
		put(t, b, sample(1, "live/a"))
		a.closing.Store(true) // it renews its claim no more
		a.stop()
		query(t, b, "UPDATE spool_claims SET seen = seen - 60")
		ready2(t, b)
		require.Equal(t, 1, count(t, b))
	})
}

// ready2 is ready for a catalogue whose name another recorder has at first.
func ready2(t *testing.T, c opened) {
	t.Helper()
	require.Eventually(t, func() bool { c.Kick(); return c.Claimed() == nil }, time.Minute, 5*time.Millisecond)
	ready(t, c.Catalogue)
}

// TestANameIsTakenOverByForce takes a name over from beside the recorder of a directory: that
// recorder has the name at once and keeps it, and the other one writes nothing more.
func TestANameIsTakenOverByForce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		a := claimant(t, driver, dsn, machine(1))
		ready(t, a.Catalogue)
		b := claimant(t, driver, dsn, machine(2))
		awaitClaimed(t, b)
		beside := machine(2).with(func(p *Place) { p.Process = "beside" })
		guest := claimant(t, driver, dsn, beside, func(o *OpenOptions) { o.Guest = true })
		awaitClaimed(t, guest)
		guest.close()
		guest = claimant(t, driver, dsn, beside, func(o *OpenOptions) { o.Guest, o.TakeOver = true, []string{"front"} })
		ready(t, guest.Catalogue)
		guest.close()
		put(t, a, sample(1, "live/a"))
		require.ErrorIs(t, a.Flush(t.Context()), ErrClaimed)
		ready2(t, b)
		require.Contains(t, awaitClaimed(t, a), "host host2, record path /rec2")
		b.close()
		ready2(t, a)
	})
}

// TestAGuestWritesBesideTheRecorderOfItsDirectory checks that a guest of another directory does not.
func TestAGuestWritesBesideTheRecorderOfItsDirectory(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		a := claimant(t, driver, dsn, machine(1))
		ready(t, a.Catalogue)
		guest := claimant(t, driver, dsn, machine(1).with(func(p *Place) { p.Process = "beside" }), func(o *OpenOptions) { o.Guest = true })
		put(t, guest, sample(1, "live/a"))
		ready(t, guest.Catalogue)
		put(t, a, sample(2, "live/a"))
		require.NoError(t, a.Flush(t.Context()))
		guest.close()
		require.NoError(t, a.Claimed())
		require.Equal(t, 2, count(t, a))
	})
}

// TestARecorderThatLivesIsNotTakenOver checks that a running recorder keeps its recordings, and
// that nothing remains of an ended one.
func TestARecorderThatLivesIsNotTakenOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		a := claimant(t, driver, dsn, machine(1))
		ready(t, a.Catalogue)
		require.NoError(t, a.ClaimDirectory(t.Context(), (&mount{disk1, ""}).read, false))
		put(t, a, sample(1, "live/a"))
		require.NoError(t, a.Flush(t.Context()))
		heir := claimant(t, driver, dsn, machine(2), func(o *OpenOptions) { o.Node, o.TakeOver = "heir", []string{"front"} })
		ready(t, heir.Catalogue)
		_, err := disk{t, t.TempDir()}.tryReconcile(heir)
		require.ErrorIs(t, err, ErrClaimed)
		require.ErrorContains(t, err, "node front runs on host host1, record path /rec1")
		a.close()
		got, err := disk{t, t.TempDir()}.tryReconcile(heir)
		require.NoError(t, err)
		require.Equal(t, Report{Adopted: 1, Lost: 1}, got)
		for _, table := range []string{"spool_claims", "spool_directories"} {
			var n int
			require.NoError(t, heir.store.Load().RW.NewRaw("SELECT COUNT(*) FROM "+table+" WHERE node = 'front'").Scan(t.Context(), &n))
			require.Zero(t, n, table)
		}
	})
}

// TestACopiedDirectoryTakesNoRowsOfOneThatLives checks that a recorder in a copy of a directory
// gets no rows, under any name, while the original's recorder runs; after that one has ended, the
// rows go to the recorder that has the files.
func TestACopiedDirectoryTakesNoRowsOfOneThatLives(t *testing.T) {
	t.Parallel()
	for _, name := range [][2]string{{"front", disk1}, {disk1, "back"}, {"front", "back"}} {
		t.Run(name[0]+" and "+name[1], func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, driver, dsn string) {
				original := func(o *OpenOptions) { o.Node, o.Directory = name[0], inDirectory(disk1) }
				a := claimant(t, driver, dsn, machine(1), original)
				ready(t, a.Catalogue)
				require.NoError(t, a.ClaimDirectory(t.Context(), (&mount{disk1, ""}).read, false))
				d, rec := disk{t, t.TempDir()}, sample(1, "live/a")
				put(t, a, rec)
				require.NoError(t, a.Flush(t.Context()))
				d.write(rec)

				b := claimant(t, driver, dsn, machine(2), func(o *OpenOptions) {
					o.Node, o.Directory, o.Former = name[1], inDirectory(disk1), []string{name[0]}
				})
				ready(t, b.Catalogue)
				require.NoError(t, b.ClaimDirectory(t.Context(), (&mount{disk1, ""}).read, false))
				require.Equal(t, Report{Files: 1, Others: 1}, d.reconcile(b))
				require.Equal(t, name[0], nodes(t, b)[rec.ID])

				a.close()
				require.Equal(t, Report{Files: 1, Adopted: 1}, d.reconcile(b))
				require.Equal(t, name[1], nodes(t, b)[rec.ID])
			})
		})
	}
}

// TestADirectoryInThePlaceOfAnotherIsNoticed until the operator accepts the new directory.
func TestADirectoryInThePlaceOfAnotherIsNoticed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		run := func(node string, more ...func(*OpenOptions)) opened {
			c := claimant(t, driver, dsn, machine(1).with(func(p *Place) { p.Process = media.NewID(time.Now()).String() }), append(more,
				func(o *OpenOptions) { o.Node, o.Directory = node, inDirectory(node) })...)
			ready(t, c.Catalogue)
			return c
		}
		replaced := func(c opened) []Replaced {
			found, err := c.Replaced(t.Context())
			require.NoError(t, err)
			return found
		}
		a := run(disk1)
		require.Empty(t, replaced(a))
		first := sample(1, "live/a")
		put(t, a, first)
		a.close()
		b := run(disk2)
		found := replaced(b)
		require.Len(t, found, 1)
		require.Equal(t, disk1, found[0].Node)
		require.True(t, found[0].Older)
		put(t, b, sample(2, "live/a"))
		b.close()
		a = run(disk1)
		require.Equal(t, disk2, replaced(a)[0].Node)
		require.False(t, replaced(a)[0].Older)
		a.close()

		b = run(disk2)
		require.NoError(t, b.ClaimDirectory(t.Context(), (&mount{disk2, ""}).read, true))
		require.Empty(t, replaced(b), "it is meant")
		require.Equal(t, disk1, nodes(t, b)[first.ID], "and nothing is done to the rows")
		b.close()
		require.Equal(t, disk2, replaced(run(disk1))[0].Node, "the recorder that comes back has its place again")
	})
}

// TestACopiedJournalHasNoPositionOfAnother checks that the position of the original journal does not
// apply to its copy.
func TestACopiedJournalHasNoPositionOfAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		dir := t.TempDir()
		a := claimant(t, driver, dsn, machine(1), func(o *OpenOptions) { o.JournalDir = dir })
		ready(t, a.Catalogue)
		put(t, a, sample(1, "live/a"))
		require.NoError(t, a.Flush(t.Context()))
		copied := t.TempDir()
		require.Eventually(t, func() bool { // the catalogue may remove a file of it meanwhile
			return os.RemoveAll(copied+"/j") == nil && os.CopyFS(copied+"/j", os.DirFS(dir)) == nil
		}, patience, 5*time.Millisecond)
		put(t, a, sample(2, "live/a"))
		require.NoError(t, a.Flush(t.Context()))
		s := a.store.Load()
		for node, want := range map[string]bool{"front": true, "copy": false} {
			at, err := s.position(t.Context(), a.journalID(), []string{node})
			require.NoError(t, err)
			require.Equal(t, want, at > 0, node)
		}
		b := claimant(t, driver, dsn, machine(2), func(o *OpenOptions) { o.JournalDir, o.Node = copied+"/j", "copy" })
		ready(t, b.Catalogue)
		put(t, b, sample(3, "live/a"))
		require.NoError(t, b.Flush(t.Context()))
		require.ElementsMatch(t, []string{"front", "front", "copy"}, slices.Collect(maps.Values(nodes(t, b))))
	})
}

// TestANameThatIsAnothersWhenTheDatabaseComes checks that a recorder which started without the
// database is not refused: it has been recording.
func TestANameThatIsAnothersWhenTheDatabaseComes(t *testing.T) {
	dsn := servers.Fresh(t, "sqlite")
	a := claimant(t, "sqlite", dsn, machine(1))
	ready(t, a.Catalogue)
	away := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.WriteFile(away, nil, 0o600))
	// The journal is outside the linked record directory.
	elsewhere := func(o *OpenOptions) { o.JournalDir = filepath.Join(t.TempDir(), "journal") }
	b := claimant(t, "sqlite", filepath.Join(away, filepath.Base(dsn)), machine(2), elsewhere)
	require.NoError(t, b.RefusedAtStart(t.Context()))
	put(t, b, sample(1, "live/a"))
	// In one step: the recorder makes a directory as soon as no file has the name.
	require.NoError(t, os.Symlink(filepath.Dir(dsn), away+".link"))
	require.NoError(t, os.Rename(away+".link", away))
	require.Contains(t, awaitClaimed(t, b), "host1")
	require.NoError(t, b.RefusedAtStart(t.Context()))
	require.Zero(t, count(t, a))
	a.close()
	ready2(t, b)
	require.Equal(t, 1, count(t, b))
}

// TestOneOfTwoReadersOfAClaimTakesIt checks that only one of two recorders that read the same claim
// gets it.
func TestOneOfTwoReadersOfAClaimTakesIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := claimant(t, driver, dsn, machine(1), func(o *OpenOptions) { o.Node = "other" })
		ready(t, c.Catalogue)
		s := c.store.Load()
		took := func(process string, was *claimRow) bool {
			ok, err := s.take(t.Context(), &claimRow{Node: "front", Place: Place{Process: process}}, was, false)
			require.NoError(t, err)
			return ok
		}
		require.True(t, took("a", nil))
		require.False(t, took("b", nil))
		was, err := s.claimOf(t.Context(), s.RW, "front")
		require.NoError(t, err)
		require.True(t, took("c", was))
		require.False(t, took("d", was))
		was, err = s.claimOf(t.Context(), s.RW, "front")
		require.NoError(t, err)
		require.True(t, took("c", was), "a sign of life")
		require.False(t, took("d", was), "came in between")
	})
}
