package retention

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDeletingThatGivesNoRoomEnds checks that deletion pauses when a snapshot holds the blocks of
// deleted files.
func TestDeletingThatGivesNoRoomEnds(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50})
	for n := range 40 {
		r.put(number(n), "live/cam", day-time.Duration(n)*time.Minute, mib)
	}
	r.leaky, r.other = true, 12*mib
	for range 5 {
		r.look(time.Second)
	}
	require.GreaterOrEqual(t, len(r.files()), 30)
	require.True(t, r.says("gives no room back"))
}

// TestTheListIsMadeAnewAtOnce checks a small or fast disk whose footage is replaced between two
// scans: the queue is exhausted and is built anew.
func TestTheListIsMadeAnewAtOnce(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50})
	r.look(0)
	for second := range 4 {
		for n := range 30 {
			r.put(number(100*second+n), "live/cam", time.Minute, mib)
		}
		r.other = 40 * mib
		r.look(time.Second)
		space, _ := r.disk("")
		require.LessOrEqual(t, space.UsedBytes(), 50*int64(mib))
	}
}

// TestTheMarkHoldsOnADiskThatTurnsOverFast checks that room is made in advance with an exhausted
// queue, too.
func TestTheMarkHoldsOnADiskThatTurnsOverFast(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 80})
	r.other = 50 * mib
	r.look(0)
	for n := range 25 {
		r.put(number(n), "live/cam", 0, mib)
	}
	r.look(time.Second)
	space, _ := r.disk("")
	require.LessOrEqual(t, space.UsedBytes(), 68*int64(mib), "as much may come before the next look")
}

// TestRecordingWhileFilesAreDeletedIsNoReasonToWait checks that bytes recorded during a deletion
// are not mistaken for a snapshot that holds blocks.
func TestRecordingWhileFilesAreDeletedIsNoReasonToWait(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 50})
	for n := range 45 {
		r.put(number(n), "live/cam", day-time.Duration(n)*time.Minute, mib)
	}
	r.look(0)
	r.removing = func() { r.now, r.other = r.now.Add(100*time.Millisecond), r.other+mib*8/10 }
	r.other += 8 * mib
	r.look(time.Second)
	require.Less(t, len(r.files()), 30)
	require.False(t, r.says("gives no room back"), "%s", &r.log)
	r.look(time.Second)
	require.False(t, r.says("gives no room back"), "%s", &r.log)
}

// TestFilesWithASecondNameDoNotGoForRoom checks that files with a second hard link, such as those
// of a backup, are not deleted for room, which they would not give back.
func TestFilesWithASecondNameDoNotGoForRoom(t *testing.T) {
	linked := func(p Policy) *fixture {
		r := newFixture(t, p)
		backup := t.TempDir()
		for n := range 10 {
			r.put(number(n), "live/cam", day-time.Duration(n)*time.Hour, mib)
			require.NoError(t, os.Link(r.path(number(n)), filepath.Join(backup, fmt.Sprint(n))))
		}
		return r
	}
	r := linked(Policy{DiskMaxPercent: 50})
	r.running, r.other = []string{"live/cam"}, 60*mib
	r.put("single.mp4", "live/cam", time.Hour, mib)
	r.look(0)
	require.Len(t, r.files(), 10)
	require.NotContains(t, r.files(), "single.mp4")
	require.True(t, r.says("recording stopped: there is no room"))

	r = linked(limits(Limits{MaxBytes: 5 * mib}))
	r.look(0)
	require.Len(t, r.files(), 4, "5 MiB less the slack: their size is what the limit is about")
}
