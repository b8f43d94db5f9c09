package retention

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline/retained"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func limits(l Limits) Policy { return Policy{Limits: l} }

func TestOnlyExpiredFootageIsDeleted(t *testing.T) {
	r := newFixture(t, limits(Limits{Expire: 7 * day}))
	r.put("old.mp4", "live/a", 8*day, 8192)
	r.put("event.mp4", "live/a", 8*day, 8192, ofEvent)
	r.put("kept.mp4", "live/a", 8*day, 8192, protected)
	r.put("read.mp4", "live/a", 8*day, 8192)
	r.put("young.mp4", "live/a", 6*day, 8192)
	r.put("grows.mp4.part", "live/a", 8*day, 8192)
	r.write("holiday.mp4", []byte("not ours"), r.now.Add(-100*day))
	r.write("notes.txt", []byte("not footage"), r.now.Add(-100*day))
	r.reading["read.mp4"], r.written["grows.mp4.part"] = true, true
	r.look(0)
	require.ElementsMatch(t, []string{"kept.mp4", "read.mp4", "young.mp4", "grows.mp4.part", "holiday.mp4", "notes.txt"}, r.files())
	require.NotContains(t, r.rows, "old.mp4")
	require.NotContains(t, r.rows, "event.mp4")

	// The reader is done: the file goes with the next hourly scan, not before.
	r.reading = map[string]bool{}
	r.look(59 * time.Minute)
	require.Contains(t, r.files(), "read.mp4")
	r.look(time.Minute)
	require.NotContains(t, r.files(), "read.mp4")
}

// TestABacklogGoesInOnePass checks a backlog of more than 100 files (lightNVR #369: files of 28
// days under a policy of 15, because a pass deleted no more than 100).
func TestABacklogGoesInOnePass(t *testing.T) {
	r := newFixture(t, limits(Limits{Expire: 15 * day}))
	for n := range 1000 {
		r.put(number(n), "live/cam", 28*day-time.Duration(n)*time.Minute, 4096)
	}
	last := r.put("last.mp4", "live/cam", day, 4096)
	r.look(0)
	require.Equal(t, []string{last}, r.files())
	require.Len(t, r.rows, 1)
}

// TestUnderPressureTheOrderIsKept checks that files are deleted in order, and no more than needed
// to come below the mark.
func TestUnderPressureTheOrderIsKept(t *testing.T) {
	for _, c := range []struct {
		other int64 // MiB of 100 used by other programs
		gone  []string
	}{
		{81, nil},
		{82, []string{"left.mp4.part", "low1.mp4"}},
		{83, []string{"left.mp4.part", "low1.mp4", "low2.mp4"}},
		{84, []string{"left.mp4.part", "low1.mp4", "low2.mp4", "mid.mp4"}},
		{85, []string{"left.mp4.part", "low1.mp4", "low2.mp4", "mid.mp4", "event.mp4"}},
	} {
		t.Run(fmt.Sprint(c.other), func(t *testing.T) {
			r := newFixture(t, Policy{DiskMaxPercent: 90, Streams: map[string]StreamPolicy{"live/low": {Priority: -1}}})
			all := map[string]bool{
				r.put("event.mp4", "live/a", 9*day, mib, ofEvent):     true,
				r.put("mid.mp4", "live/a", 5*day, mib):                true,
				r.put("low1.mp4", "live/low", 3*day, mib):             true,
				r.put("low2.mp4", "live/low", 2*day, mib):             true,
				r.put("safe.mp4", "live/low", 9*day, mib, protected):  true,
				r.put("left.mp4.part", "live/a", 2*time.Hour, 2*mib):  true,
				r.put("grows.mp4.part", "live/a", 2*time.Hour, 2*mib): true,
			}
			r.written["grows.mp4.part"] = true
			r.other = c.other * mib
			r.running = []string{"live/a"}
			r.look(0)
			var want []string
			for name := range all {
				if !contains(c.gone, name) {
					want = append(want, name)
				}
			}
			require.ElementsMatch(t, want, r.files())
			require.Equal(t, []string{"live/a"}, r.running)
		})
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// TestTheDiskStaysWithinItsMarks checks that, at a steady rate, a recorder that fills the disk
// many times over never exceeds the mark, and that the newest footage stays.
func TestTheDiskStaysWithinItsMarks(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 80})
	r.running = []string{"live/cam"}
	full := false
	for n := range 400 {
		r.put(number(n), "live/cam", 0, mib)
		space, _ := r.disk("")
		require.LessOrEqual(t, space.UsedBytes(), 80*int64(mib), "room is made before it is needed")
		r.look(time.Second)
		space, _ = r.disk("")
		full = full || space.UsedBytes() > 75*mib
		if full {
			require.GreaterOrEqual(t, space.UsedBytes(), 75*int64(mib), "more went than was needed")
		}
		require.Contains(t, r.files(), number(n))
	}
	require.True(t, full)
	require.Equal(t, []string{"live/cam"}, r.running)
}

func TestBytesAreLimitedByStreamAndInAll(t *testing.T) {
	r := newFixture(t, Policy{
		Limits:  Limits{MaxBytes: 20 * mib},
		Streams: map[string]StreamPolicy{"live/small": {Limits: Limits{MaxBytes: 5 * mib}}},
	})
	for n := range 10 {
		r.put(fmt.Sprintf("small%02d.mp4", n), "live/small", day-time.Duration(n)*time.Hour, mib)
		r.put(fmt.Sprintf("other%02d.mp4", n), "live/other", 20*day-time.Duration(n)*time.Hour, 2*mib)
	}
	r.look(0)
	count := map[string]int{}
	for _, name := range r.files() {
		count[name[:5]]++
	}
	require.Equal(t, 4, count["small"], "5 MiB less the slack")
	require.Equal(t, 7, count["other"], "20 MiB less the slack and what the other stream has")
	require.Contains(t, r.files(), "small09.mp4")
}

func TestKeepAtLeastHoldsOnAFullDisk(t *testing.T) {
	r := newFixture(t, Policy{
		Limits: Limits{MinFreeBytes: 50 * mib, KeepAtLeast: 2 * day}, Streams: map[string]StreamPolicy{"live/b": {Limits: Limits{KeepAtLeast: time.Hour}}},
	})
	r.put("a.mp4", "live/a", day, mib)
	r.put("b.mp4", "live/b", day, mib)
	r.put("older.mp4", "live/a", 3*day, mib)
	r.other = 60 * mib
	r.look(0)
	require.Equal(t, []string{"a.mp4"}, r.files())
}

// TestWithNothingToDeleteAStreamStops checks that with only protected footage left the stream with
// the most of it is stopped with an error, that the others continue, and that it starts again
// when there is room.
func TestWithNothingToDeleteAStreamStops(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 80})
	r.put("a.mp4", "live/a", day, 4*mib, protected)
	r.put("b.mp4", "live/b", day, 2*mib, protected)
	r.running = []string{"live/b", "live/a"}
	r.other = 75 * mib
	r.look(0)
	require.Equal(t, []string{"live/b"}, r.running)
	require.True(t, r.says("recording stopped: there is no room"))
	require.True(t, r.says("protected:1"))
	require.Len(t, r.files(), 2)
	r.look(time.Second)
	require.Equal(t, []string{"live/b"}, r.running, "what was stopped needs time to give its room back")

	plan, err := r.k.Plan(t.Context())
	require.NoError(t, err)
	require.Equal(t, []retained.Stopped{{Stream: "live/a", Since: morning}}, plan.Stopped)

	r.other = 70 * mib
	r.look(5 * time.Second)
	require.Equal(t, []string{"live/b"}, r.running, "not to and fro")
	r.look(5 * time.Second)
	require.ElementsMatch(t, []string{"live/a", "live/b"}, r.running)
	require.True(t, r.says("there is room again"))
}

func TestAStreamOverItsOwnLimitStopsAlone(t *testing.T) {
	r := newFixture(t, Policy{Streams: map[string]StreamPolicy{"live/a": {Limits: Limits{MaxBytes: 3 * mib}}}})
	r.put("a.mp4", "live/a", day, 4*mib, protected)
	r.put("b.mp4", "live/b", day, 9*mib)
	r.running = []string{"live/a", "live/b"}
	r.look(0)
	require.Equal(t, []string{"live/b"}, r.running)
	require.Len(t, r.files(), 2)
}

// TestAnUnfinishedFileBecomesAnOrphanAfterAnHour checks that an unfinished file is deleted for room, and only
// after an hour without a write.
func TestAnUnfinishedFileBecomesAnOrphanAfterAnHour(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50})
	r.put("fresh.mp4.part", "live/a", 59*time.Minute, mib)
	r.put("left.mp4.part", "live/a", 61*time.Minute, mib)
	r.put("held.mp4.part", "live/a", 61*time.Minute, mib)
	r.write(".spool-directory.0123", []byte("x"), r.now.Add(-2*time.Hour))
	r.write(".spool-directory", []byte("the identity"), r.now.Add(-1000*day))
	r.write(".journal/0001.part", []byte("x"), r.now.Add(-1000*day))
	r.write("download.mp4.part", []byte("another program's"), r.now.Add(-1000*day))
	r.written["held.mp4.part"] = true
	r.other = 60 * mib
	r.look(0)
	require.ElementsMatch(t, []string{"fresh.mp4.part", "held.mp4.part", ".spool-directory", ".journal/0001.part", "download.mp4.part"}, r.files())
}

// TestAnOrphanIsKeptAsFootageIs checks that an orphan respects protection and keep_at_least, and
// expires as footage does.
func TestAnOrphanIsKeptAsFootageIs(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50, Limits: Limits{KeepAtLeast: day, Expire: 10 * day}})
	r.put("safe.mp4.part", "live/a", 20*day, mib, protected)
	r.put("young.mp4.part", "live/a", 2*time.Hour, mib)
	r.put("old.mp4.part", "live/a", 2*day, mib)
	r.put("expired.mp4.part", "live/a", 11*day, mib)
	r.look(0)
	require.ElementsMatch(t, []string{"safe.mp4.part", "young.mp4.part", "old.mp4.part"}, r.files())
	r.other = 60 * mib
	r.look(time.Second)
	require.ElementsMatch(t, []string{"safe.mp4.part", "young.mp4.part"}, r.files())
}

// TestAnotherFileUnderTheNameStays checks that a new recording under the name of a chosen file is
// not deleted.
func TestAnotherFileUnderTheNameStays(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50})
	r.put("a.mp4", "live/a", day, mib)
	for n := range 9 {
		r.put(number(n), "live/a", time.Hour, mib)
	}
	r.other = 40 * mib
	r.look(0)
	r.put("a.mp4", "live/a", time.Hour, mib)
	r.other = 41 * mib
	r.look(time.Second)
	require.Contains(t, r.files(), "a.mp4")
	require.Len(t, r.files(), 6, "others went")
}

// TestAnOrphanIsLookedAtAgainBeforeItGoes checks a writer that resumes a file between the scan and
// the deletion.
func TestAnOrphanIsLookedAtAgainBeforeItGoes(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50})
	name := r.put("left.mp4.part", "live/a", 2*time.Hour, mib)
	r.look(0)
	r.written[name] = true
	r.other = 60 * mib
	r.look(time.Second)
	require.Equal(t, []string{name}, r.files())
}

// TestProtectionIsReadAtTheLastMoment checks protection that was set after the scan.
func TestProtectionIsReadAtTheLastMoment(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50})
	name := r.put("a.mp4", "live/a", day, mib)
	r.look(0)
	r.put("a.mp4", "live/a", day, mib, protected)
	r.other = 60 * mib
	r.look(time.Second)
	require.Equal(t, []string{name}, r.files())
}

// TestRowsThatCannotBeForgottenStopNothing checks that files are deleted while the database is
// down, and that the error is logged once.
func TestRowsThatCannotBeForgottenStopNothing(t *testing.T) {
	r := newFixture(t, limits(Limits{Expire: day}))
	r.put("a.mp4", "live/a", 2*day, mib)
	r.rowsErr = errors.New("the journal is full")
	r.look(0)
	require.Empty(t, r.files())
	require.True(t, r.says("rows of deleted files stay"))
}

func TestAFileThatCannotBeDeletedKeepsNoOther(t *testing.T) {
	r := newFixture(t, limits(Limits{Expire: day}))
	r.put("a/stuck.mp4", "live/a", 3*day, mib)
	r.put("b.mp4", "live/a", 2*day, mib)
	r.k.deps.Store = stuck{r, "a/stuck.mp4"}
	r.look(0)
	require.Equal(t, []string{"a/stuck.mp4"}, r.files())
	require.True(t, r.says("stuck"))
}

type stuck struct {
	*fixture
	name string
}

func (s stuck) Remove(ctx context.Context, it *Item) error {
	if it.Path == s.name {
		return &os.PathError{Op: "unlink", Path: s.name, Err: os.ErrPermission}
	}
	return s.fixture.Remove(ctx, it)
}

func TestAPlanListsDeletionsAndDeletesNothing(t *testing.T) {
	r := newFixture(t, Policy{Limits: Limits{Expire: 10 * day}, DiskMaxPercent: 80})
	r.put("expired.mp4", "live/a", 11*day, mib)
	for n := range 48 {
		r.put(number(n), "live/b", 2*day-time.Duration(n)*time.Hour, mib)
	}
	r.put("safe.mp4", "live/b", 30*day, mib, protected)
	plan, err := r.k.Plan(t.Context())
	require.NoError(t, err)
	require.Len(t, r.files(), 50)
	require.Len(t, plan.Now, 1)
	require.Equal(t, retained.ClassExpired, plan.Now[0].Class)
	require.Equal(t, "expire_days", plan.Now[0].Cause)
	r.k.index.items["expired.mp4"].SizeBytes++
	require.EqualValues(t, mib, plan.Now[0].SizeBytes, "a plan is a copy: what it names goes on to change")
	require.Len(t, plan.Next, 48)
	require.Equal(t, number(0), plan.Next[0].Path)
	require.Equal(t, []retained.Kept{{Reason: retained.KeptProtected, Count: retained.Count{Files: 1, Bytes: mib}}}, plan.Kept)
	require.Len(t, plan.Streams, 2)
	b := plan.Streams[1]
	require.Equal(t, "live/b", b.Stream)
	require.Equal(t, 49, b.Count.Files)
	require.Equal(t, 2*day+time.Minute, b.Keeps)
	require.InDelta(t, 24*mib, b.BytesPerDay, mib)
	// 50 MiB of 80 are used, growing by 24 a day.
	require.InDelta(t, 30.0/24, plan.FullAt.Sub(r.now).Hours()/24, 0.1)
	require.False(t, func() bool { p := Policy{}; return p.Active() }())
}
