package retention

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/retained"
	"github.com/gospool/spool/pipeline/wallclock"
)

const years = 365 * day

// kept returns a fixture whose recordings expire after a week, with the given treatment of a mass
// expiry.
func kept(t *testing.T, mass MassExpiry) *fixture {
	t.Helper()
	return newFixture(t, Policy{Limits: Limits{Expire: 7 * day}, MassExpiry: mass})
}

// restart closes the keeper and starts another one.
func (r *fixture) restart() {
	r.t.Helper()
	policy := r.k.policy
	require.NoError(r.t, r.k.Close())
	r.open(policy)
}

// week puts perDay recordings into each of the last seven days.
func (r *fixture) week(perDay int) (names []string) {
	for n := range 7 * perDay {
		names = append(names, r.put(number(n), "live/cam", 7*day-time.Hour-time.Duration(n)*day/time.Duration(perDay), 4096))
	}
	return names
}

// footage returns the recordings on the disk.
func (r *fixture) footage() []string {
	return slices.DeleteFunc(r.files(), func(name string) bool { return strings.HasPrefix(name, ".") })
}

// hours looks once an hour for n hours.
func (r *fixture) hours(n int) {
	for range n {
		r.look(time.Hour)
	}
}

func (r *fixture) plan() *retained.Plan {
	r.t.Helper()
	p, err := r.k.Plan(r.t.Context())
	require.NoError(r.t, err)
	return p
}

func (r *fixture) problem() string {
	if p := r.k.Problems(); len(p) > 0 {
		return p[0].Problem
	}
	return ""
}

// TestAClockThatIsYearsAheadAtStartDeletesNothing checks a clock that is ten years ahead at the
// start: nothing is deleted under any setting, at any time, or after a restart.
func TestAClockThatIsYearsAheadAtStartDeletesNothing(t *testing.T) {
	for _, mass := range []MassExpiry{MassWait, MassConfirm, MassAllow} {
		t.Run(string(mass), func(t *testing.T) {
			r := kept(t, mass)
			names := r.week(3)
			r.now, r.synced = r.now.Add(10*years), false
			for range 2 {
				r.restart()
				r.look(0)
				r.hours(50)
				require.ElementsMatch(t, names, r.footage())
			}
			p := r.plan()
			require.Equal(t, retained.HeldForClock, p.Held.Cause)
			require.Equal(t, len(names), p.Held.Count.Files)
			require.Equal(t, wallclock.Doubtful, p.Clock.State)
			require.NotEmpty(t, p.Held.Why)
			require.Equal(t, p.Clock.Why, p.Held.Why)
			require.True(t, p.Held.Since.Equal(p.Clock.Now.Add(-p.Clock.Steady)), "since the start")
			require.Empty(t, p.Now)
			require.Len(t, p.Waiting, len(names))
		})
	}
}

// TestRecordingUnderAClockThatIsAheadMakesNothingOld checks that recordings made under such a
// clock never make another one old.
func TestRecordingUnderAClockThatIsAheadMakesNothingOld(t *testing.T) {
	r := kept(t, MassWait)
	names := r.week(3)
	right := r.now
	r.now, r.synced = r.now.Add(10*years), false
	r.restart()
	r.look(0)
	names = append(names, r.put("future.mp4", "live/cam", 0, 4096))
	r.k.Closed(r.path("future.mp4.part"), r.path("future.mp4"))
	r.hours(3)
	require.ElementsMatch(t, names, r.footage())
	r.now, r.synced = right.Add(time.Hour), true
	r.restart()
	r.hours(2)
	require.Equal(t, len(names), len(r.footage())+1, "one is a week old by now")

	// It does not stay for ever either: its age counts from when it was first seen.
	r.hours(7*24 + 2)
	require.Empty(t, r.footage(), "%s", &r.log)
}

// TestABoardThatBootsIn1970KeepsWhatItRecorded checks a board without a battery: two recordings in
// 1970, then the clock is set, a third recording, and a restart.
func TestABoardThatBootsIn1970KeepsWhatItRecorded(t *testing.T) {
	r := kept(t, MassWait)
	right := r.now
	r.now, r.synced = time.Unix(100, 0), false
	r.restart()
	r.look(0)
	names := []string{r.put("a.mp4", "live/cam", 0, 4096), r.put("b.mp4", "live/cam", 0, 4096)}
	r.k.Closed(r.path("a.mp4.part"), r.path("a.mp4"))
	r.look(time.Minute)
	r.now, r.synced = right, true
	names = append(names, r.put("c.mp4", "live/cam", 0, 4096))
	r.look(time.Second)
	r.hours(3)
	require.ElementsMatch(t, names, r.footage())
	for range 3 {
		r.restart()
		r.look(0)
		r.hours(30)
		require.ElementsMatch(t, names, r.footage(), "younger than a week, whatever they say")
	}
	r.hours(5 * 24)
	require.Empty(t, r.footage())
}

// TestABoardThatBootsAYearBehindIsHeldAsAMassExpiry checks a board that boots with a plausible
// but wrong year.
func TestABoardThatBootsAYearBehindIsHeldAsAMassExpiry(t *testing.T) {
	r := kept(t, MassWait)
	r.put("a.mp4", "live/cam", years, 4096)
	r.put("b.mp4", "live/cam", years-time.Hour, 4096)
	r.put("c.mp4", "live/cam", 0, 4096)
	r.look(0)
	require.Len(t, r.footage(), 3)
	require.Equal(t, "mass_expiry", r.problem())
}

func TestStepsOfTheClockBothWays(t *testing.T) {
	for _, by := range []time.Duration{20 * day, 3 * years, -20 * day, -3 * years, -50 * years} {
		for _, synced := range []bool{true, false} {
			t.Run(fmt.Sprint(by/day, synced), func(t *testing.T) {
				r := kept(t, MassWait)
				r.synced = synced
				names := r.week(5)
				r.restart()
				r.look(0)
				r.hours(1)
				names = names[len(names)-len(r.footage()):]
				require.NotEmpty(t, names)
				r.now = r.now.Add(by)
				r.look(time.Second)
				r.hours(23)
				require.ElementsMatch(t, names, r.footage())
				r.now = r.now.Add(-by)
				r.look(time.Second)
				r.hours(3)
				require.ElementsMatch(t, names, r.footage(), "a day's worth has come together meanwhile")
				require.Equal(t, "mass_expiry", r.problem())
				r.hours(24)
				require.Len(t, r.footage(), len(names)-11, "two days are over")
			})
		}
	}
}

// TestAMassExpiryWaitsForASecondLook checks a clock that the kernel reports as synchronised but
// that may be wrong.
func TestAMassExpiryWaitsForASecondLook(t *testing.T) {
	r := kept(t, MassWait)
	names := r.week(3)
	r.now = r.now.Add(10 * years)
	r.restart()
	r.look(0)
	require.ElementsMatch(t, names, r.footage())
	require.Equal(t, "mass_expiry", r.problem())
	problem := r.k.Problems()[0]
	require.Contains(t, problem.Cause, "21 of 21 recordings")
	require.Contains(t, problem.Cause, stamp(r.now), "the clock")
	require.Contains(t, problem.Cause, stamp(r.now.Add(-10*years-7*day+time.Hour)), "the oldest")
	require.Contains(t, problem.Cause, fmt.Sprint(21*4096, " bytes"))
	require.Contains(t, problem.Remedy, "/mp4/retention/confirm")
	p := r.plan()
	require.Equal(t, retained.HeldAsMass, p.Held.Cause)
	require.Equal(t, retained.Count{Files: 21, Bytes: 21 * 4096}, p.Held.Count)
	require.True(t, p.Held.Until.Equal(r.now.Add(day)), "%s", p.Held.Until)
	require.NotSame(t, r.k.held, p.Held, "a plan is a copy")
	since := p.Held.Since
	require.True(t, since.Equal(r.now))
	r.hours(23)
	require.True(t, r.plan().Held.Since.Equal(since), "it waits since then")
	require.ElementsMatch(t, names, r.footage())
	require.Equal(t, 1, strings.Count(r.log.String(), "mass expiry: more recordings"))
	require.Contains(t, r.log.String(), "files=21 bytes=86016")
	r.hours(1)
	require.Empty(t, r.footage())
	require.Empty(t, r.problem())
	require.NotContains(t, r.files(), waitFile)
}

// TestTheSecondLookIsByTheSameClock checks that a step of the clock restarts the day of waiting.
func TestTheSecondLookIsByTheSameClock(t *testing.T) {
	r := kept(t, MassWait)
	names := r.week(3)
	r.now = r.now.Add(10 * years)
	r.restart()
	r.look(0)
	r.hours(20)
	r.now = r.now.Add(30 * day)
	r.hours(24)
	require.ElementsMatch(t, names, r.footage())
	r.hours(2)
	require.Empty(t, r.footage())
}

// TestTheSecondLookCountsOverRestarts checks a recorder that is switched off each night and never
// runs for a day.
func TestTheSecondLookCountsOverRestarts(t *testing.T) {
	r := kept(t, MassWait)
	names := r.week(3)
	r.now = r.now.Add(20 * day)
	r.restart()
	r.look(0)
	r.hours(10)
	r.now = r.now.Add(14 * time.Hour)
	r.restart()
	r.look(0)
	r.hours(10)
	require.ElementsMatch(t, names, r.footage())
	r.now = r.now.Add(14 * time.Hour)
	r.restart()
	r.look(0)
	require.ElementsMatch(t, names, r.footage())
	r.hours(5)
	require.Empty(t, r.footage())
}

// TestAClockThatGoesBackOverARestartWaitsAnew checks that the stored wait does not count when the
// clock has gone back.
func TestAClockThatGoesBackOverARestartWaitsAnew(t *testing.T) {
	r := kept(t, MassWait)
	names := r.week(3)
	r.now = r.now.Add(20 * day)
	r.restart()
	r.look(0)
	r.hours(20)
	r.now = r.now.Add(-10 * time.Hour)
	r.restart()
	r.look(0)
	r.hours(10)
	require.ElementsMatch(t, names, r.footage())
}

// TestAClockThatGoesFarAheadOverARestartWaitsAnew checks that the stored wait does not count when
// the clock is years ahead: by that clock all footage has expired.
func TestAClockThatGoesFarAheadOverARestartWaitsAnew(t *testing.T) {
	r := kept(t, MassWait)
	r.week(3)
	r.now = r.now.Add(4 * day)
	r.restart()
	r.look(0)
	r.hours(23)
	names := r.footage()
	require.NotEmpty(t, names)
	r.now = r.now.Add(10 * years)
	r.restart()
	r.look(0)
	r.hours(23)
	require.ElementsMatch(t, names, r.footage())
}

// TestADamagedWaitFileIsIgnored checks damaged files, and files of other programs, in place of
// the stored wait.
func TestADamagedWaitFileIsIgnored(t *testing.T) {
	for _, text := range []string{"", "{", `{"waited_s":1e300}`, `[]`, `{"since":"2026-03-01T00:00:00Z","clock":"2026-03-01T00:00:00Z","waited_s":-99999}`} {
		r := kept(t, MassWait)
		names := r.week(3)
		r.now = r.now.Add(20 * day)
		r.write(waitFile, []byte(text), r.now)
		r.restart()
		r.look(0)
		r.hours(23)
		require.ElementsMatch(t, names, r.footage(), "%s", text)
		r.hours(1)
		require.Empty(t, r.footage(), "%s", text)
	}
}

// TestAnImpossibleWaitIsIgnored checks that an impossible wait, or one too long to be ours,
// does not count.
func TestAnImpossibleWaitIsIgnored(t *testing.T) {
	for what, c := range map[string]struct {
		since  time.Duration // relative to now
		waited int64
		behind string
	}{
		"in the future": {time.Hour, 86_400, ""},
		"less than 0":   {-time.Hour, -99_999, ""},
		"too long":      {-time.Hour, 86_400, strings.Repeat(" ", 5000)},
	} {
		r := kept(t, MassWait)
		names := r.week(3)
		r.now = r.now.Add(20 * day)
		r.write(waitFile, fmt.Appendf(nil, `{"since":%q,"clock":%q,"waited_s":%d%s}`, stamp(r.now.Add(c.since)), stamp(r.now.Add(-time.Second)), c.waited, c.behind), r.now)
		r.restart()
		r.look(0)
		r.hours(23)
		require.ElementsMatch(t, names, r.footage(), what)
		r.hours(1)
		require.Empty(t, r.footage(), what)
	}
}

func TestARecorderThatWasOffForAWeek(t *testing.T) {
	for _, c := range []struct {
		mass MassExpiry
		left int // recordings left a day later
	}{{MassWait, 0}, {MassConfirm, 21}, {MassAllow, 0}} {
		t.Run(string(c.mass), func(t *testing.T) {
			r := kept(t, c.mass)
			r.synced = false
			r.week(3)
			r.now = r.now.Add(7 * day)
			r.restart()
			r.look(0)
			require.Len(t, r.footage(), 21)
			r.hours(1)
			require.Len(t, r.footage(), map[bool]int{true: 0, false: 21}[c.mass == MassAllow])
			r.hours(24)
			require.Len(t, r.footage(), c.left)
		})
	}
}

// TestAnOperatorConfirmsAMassExpiry checks that under confirm the footage stays until an operator
// confirms, and is deleted at once then.
func TestAnOperatorConfirmsAMassExpiry(t *testing.T) {
	r := kept(t, MassConfirm)
	names := r.week(3)
	r.now = r.now.Add(10 * day)
	r.restart()
	r.look(0)
	r.hours(100)
	require.ElementsMatch(t, names, r.footage())
	p := r.plan()
	require.Equal(t, retained.HeldAsMass, p.Held.Cause)
	require.True(t, p.Held.Until.IsZero())
	require.NotContains(t, r.k.Problems()[0].Remedy, " go at ")
	went, err := r.k.Confirm()
	require.NoError(t, err)
	require.Equal(t, 21, went.Count.Files)
	require.True(t, went.Clock.Equal(r.now), "by the clock of now")
	require.ElementsMatch(t, names, r.footage(), "the keeper deletes, not the caller")
	more := []string{r.put("new.mp4", "live/cam", time.Hour, 4096)}
	for n := range 3 {
		more = append(more, r.put(number(100+n), "live/cam", 8*day, 4096))
	}
	r.look(time.Second)
	require.ElementsMatch(t, more, r.footage(), "what came later was not confirmed")
	_, err = r.k.Confirm()
	require.NoError(t, err)
	r.look(time.Second)
	require.Equal(t, []string{"new.mp4"}, r.footage())
	_, err = r.k.Confirm()
	require.ErrorIs(t, err, retained.ErrNothingHeld)
}

// TestAnOperatorConfirmsTheClock checks a confirmation while the clock is not believed.
func TestAnOperatorConfirmsTheClock(t *testing.T) {
	r := kept(t, MassWait)
	r.week(3)
	r.now, r.synced = r.now.Add(60*day), false
	r.restart()
	r.look(0)
	require.Equal(t, wallclock.Doubtful, r.plan().Clock.State)
	went, err := r.k.Confirm()
	require.NoError(t, err)
	require.Equal(t, 21, went.Count.Files)
	r.look(time.Second)
	require.Empty(t, r.footage())

	// A step of the clock revokes the confirmation before anything is deleted.
	r = kept(t, MassConfirm)
	names := r.week(3)
	r.now = r.now.Add(60 * day)
	r.look(0)
	_, err = r.k.Confirm()
	require.NoError(t, err)
	r.now = r.now.Add(years)
	r.look(time.Second)
	r.hours(3)
	require.ElementsMatch(t, names, r.footage())

	r = kept(t, MassConfirm)
	r.now = time.Unix(5, 0)
	r.restart()
	_, err = r.k.Confirm()
	require.ErrorIs(t, err, wallclock.ErrWrong)
}

// TestASmallStoreExpiresFileByFile checks that the ordinary passing of time is no mass expiry,
// however small the store is.
func TestASmallStoreExpiresFileByFile(t *testing.T) {
	for _, perDay := range []int{1, 2, 24} {
		t.Run(fmt.Sprint(perDay), func(t *testing.T) {
			r := newFixture(t, Policy{Limits: Limits{Expire: day}, MassExpiry: MassConfirm})
			for n := range 10 * perDay {
				r.put(number(n), "live/cam", 0, 4096)
				r.look(day / time.Duration(perDay))
				if n == 5*perDay && perDay > 2 { // otherwise one of two files would be due, which is a mass expiry
					r.restart()
					r.look(time.Second)
				}
			}
			require.LessOrEqual(t, len(r.footage()), perDay+2)
			require.Empty(t, r.problem())
		})
	}
}

func TestSizeOfAMassExpiry(t *testing.T) {
	for _, c := range []struct {
		old, young int // number of files of a minute each
		held       bool
	}{
		{1, 0, true}, {1, 1, true}, {1, 2, false}, {2, 1, true}, {2, 18, false}, {2, 17, true}, {10, 90, false}, {11, 89, true},
	} {
		t.Run(fmt.Sprint(c.old, " of ", c.old+c.young), func(t *testing.T) {
			r := kept(t, MassWait)
			for n := range c.old {
				r.put(number(n), "live/a", 8*day, 4096)
			}
			for n := range c.young {
				r.put(number(100+n), "live/a", day, 4096)
			}
			r.look(0)
			require.Equal(t, c.held, len(r.footage()) == c.old+c.young)
			require.Equal(t, c.held, r.problem() != "")
			if c.held {
				require.Contains(t, r.k.Problems()[0].Cause, fmt.Sprintf("%d of %d recordings", c.old, c.old+c.young))
			}
			if !c.held {
				require.Len(t, r.footage(), c.young)
			}
		})
	}
	t.Run("few files, and a tenth of the bytes", func(t *testing.T) {
		r := kept(t, MassWait)
		for n := range 50 {
			r.put(number(n), "live/a", day, 4096)
		}
		r.put("large1.mp4", "live/a", 8*day, 16384)
		r.put("large2.mp4", "live/a", 8*day, 16384)
		r.look(0)
		require.Len(t, r.footage(), 52)
	})
	t.Run("a tenth of the files, and few bytes", func(t *testing.T) {
		r := kept(t, MassWait)
		for n := range 50 {
			r.put(number(n), "live/a", day, 16384)
		}
		for n := range 6 {
			r.put(number(100+n), "live/a", 8*day, 4096)
		}
		r.look(0)
		require.Len(t, r.footage(), 56)
	})
	t.Run("one file, and half of the bytes", func(t *testing.T) {
		r := kept(t, MassWait)
		for n := range 3 {
			r.put(number(n), "live/a", day, 4096)
		}
		r.put("large.mp4", "live/a", 8*day, 65536)
		r.look(0)
		require.Len(t, r.footage(), 4)
	})
	t.Run("beside many that are written", func(t *testing.T) {
		r := kept(t, MassWait)
		for n := range 2 {
			r.put(number(n), "live/a", 8*day, 4096)
			r.put(number(100+n), "live/a", day, 4096)
		}
		for n := range 50 {
			r.written[r.put(number(200+n)+".part", "live/b", 0, 4096)] = true
		}
		r.look(0)
		require.Equal(t, "mass_expiry", r.problem())
		require.Contains(t, r.k.Problems()[0].Cause, "2 of 4 recordings")
	})
	t.Run("few files, and a day of a stream", func(t *testing.T) {
		r := kept(t, MassWait)
		for n := range 50 {
			r.put(number(n), "live/a", day, 4096)
		}
		r.k.policy.Expire = 2 * day
		for n := range 3 {
			r.put(number(100+n), "live/b", time.Duration(3+n)*day, 4096, lasting(9*time.Hour))
		}
		r.look(0)
		require.Len(t, r.footage(), 53)
	})
}

// TestOldFootageThatIsCopiedInIsHeld checks that old footage copied into the directory is a mass
// expiry.
func TestOldFootageThatIsCopiedInIsHeld(t *testing.T) {
	r := kept(t, MassConfirm)
	r.week(3)
	r.look(0)
	for n := range 10 {
		r.put(number(100+n), "live/old", 50*day, 4096)
	}
	r.hours(2)
	require.Equal(t, "mass_expiry", r.problem())
	require.GreaterOrEqual(t, len(r.footage()), 10)
}

// TestAPermittedExpiryIsNotHeldLater checks that files which were permitted to expire but could not
// be deleted need no second look.
func TestAPermittedExpiryIsNotHeldLater(t *testing.T) {
	r := kept(t, MassConfirm)
	names := r.week(3)
	r.now = r.now.Add(10 * day)
	r.look(0)
	for _, name := range names {
		r.reading[name] = true
	}
	_, err := r.k.Confirm()
	require.NoError(t, err)
	r.look(time.Second)
	require.Len(t, r.footage(), 21)
	r.reading = map[string]bool{}
	r.hours(1)
	require.Empty(t, r.footage())
}

// TestAPlanDoesNotHideThatTheClockIsBelieved checks a call of Plan at the moment from which the
// clock is believed.
func TestAPlanDoesNotHideThatTheClockIsBelieved(t *testing.T) {
	r := kept(t, MassAllow)
	r.synced = false
	r.week(1)
	r.now = r.now.Add(10 * day)
	r.restart()
	r.look(0)
	r.look(30 * time.Minute)
	r.plan() // makes a scan
	r.now, r.steady = r.now.Add(30*time.Minute), r.steady+30*time.Minute
	r.plan()
	r.look(time.Second)
	require.Empty(t, r.footage())
}

// TestAFirstRunIsNotEndedByAStep checks a clock that is set years ahead during the first
// recordings.
func TestAFirstRunIsNotEndedByAStep(t *testing.T) {
	r := kept(t, MassWait)
	r.synced = false
	r.restart()
	r.look(0)
	names := []string{r.put("a.mp4", "live/cam", 0, 4096), r.put("b.mp4", "live/cam", 0, 4096)}
	r.hours(2)
	r.now = r.now.Add(10 * years)
	r.hours(100)
	require.ElementsMatch(t, names, r.footage())
	require.Equal(t, wallclock.Doubtful, r.plan().Clock.State)
}

// TestAPlanDoesNotDelayAnExpiry checks that Plan neither permits an expiry nor delays a look.
func TestAPlanDoesNotDelayAnExpiry(t *testing.T) {
	r := kept(t, MassWait)
	r.week(3)
	r.look(0)
	before := len(r.footage())
	for range 2 * 24 {
		r.plan()
		r.look(30 * time.Minute)
	}
	require.Less(t, len(r.footage()), before)
}

// TestRoomIsMadeWhileNothingExpires checks that room is made in the usual order while expiry is
// held, by any clock.
func TestRoomIsMadeWhileNothingExpires(t *testing.T) {
	for name, turn := range map[string]func(r *fixture){
		"mass expiry": func(r *fixture) { r.now = r.now.Add(20 * day) },
		"years ahead": func(r *fixture) { r.now, r.synced = r.now.Add(10*years), false },
		"1970":        func(r *fixture) { r.now, r.synced = time.Unix(100, 0), false },
		"behind":      func(r *fixture) { r.now, r.synced = r.now.Add(-years), false },
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t, Policy{Limits: Limits{Expire: 7 * day, MaxBytes: 10 * mib}, MassExpiry: MassConfirm})
			r.put("event.mp4", "live/cam", 6*day, mib, ofEvent)
			for n := range 9 {
				r.put(number(n), "live/cam", 5*day-time.Duration(n)*time.Hour, mib)
			}
			turn(r)
			r.restart()
			r.look(0)
			require.Len(t, r.footage(), 10)
			r.running = []string{"live/cam"}
			for n := range 4 { // as a recording does
				name := r.put(fmt.Sprintf("new%d.mp4", n), "live/cam", 0, mib)
				r.k.Closed(r.path(name+".part"), r.path(name))
				r.look(time.Second)
			}
			got := r.footage()
			require.Contains(t, got, "event.mp4", "events go last, and are not expired")
			require.Contains(t, got, number(8))
			for n := range 4 {
				require.Contains(t, got, fmt.Sprintf("new%d.mp4", n))
			}
			require.NotContains(t, got, number(0))
			require.NotContains(t, got, number(1))
			require.Equal(t, []string{"live/cam"}, r.running)
		})
	}
}

// TestFutureFootageIsDeletedForRoom checks that footage recorded by a clock years ahead can
// be deleted for room.
func TestFutureFootageIsDeletedForRoom(t *testing.T) {
	r := newFixture(t, Policy{Limits: Limits{MaxBytes: 5 * mib}})
	r.put("old.mp4", "live/cam", day, 4096)
	r.now, r.synced = r.now.Add(10*years), false
	r.restart()
	r.running = []string{"live/cam"}
	for n := range 12 {
		r.put(number(n), "live/cam", 0, mib)
		r.look(2 * time.Minute)
	}
	require.Equal(t, []string{"live/cam"}, r.running)
	require.LessOrEqual(t, len(r.footage()), 5)
	require.Contains(t, r.footage(), number(11))
	require.Equal(t, wallclock.Doubtful, r.plan().Clock.State, "what was recorded before the first look hides nothing")
}

// TestAClockThatIsBehindKeepsNothingForBeingYoung checks that keep_at_least uses the best estimate
// of the time: a clock that is behind makes no footage young, so that recording does not stop.
func TestAClockThatIsBehindKeepsNothingForBeingYoung(t *testing.T) {
	r := newFixture(t, Policy{Limits: Limits{MaxBytes: 5 * mib, KeepAtLeast: day}})
	for n := range 8 {
		r.put(number(n), "live/cam", 5*day-time.Duration(n)*12*time.Hour, mib)
	}
	r.put("newest.mp4", "live/cam", time.Minute, mib)
	r.now, r.synced = time.Unix(100, 0), false
	r.restart()
	r.running = []string{"live/cam"}
	r.look(0)
	require.Equal(t, []string{"live/cam"}, r.running)
	require.Contains(t, r.footage(), "newest.mp4")
	require.Len(t, r.footage(), 4)
}

// TestTheWaitFileReplacesALink checks that a symbolic link is replaced, and its target
// stays.
func TestTheWaitFileReplacesALink(t *testing.T) {
	r := kept(t, MassWait)
	r.week(3)
	victim := filepath.Join(r.dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("whole"), 0o600))
	require.NoError(t, os.Symlink("victim", filepath.Join(r.dir, waitFile+durable.Unfinished)))
	require.NoError(t, os.Symlink("victim", filepath.Join(r.dir, waitFile)))
	r.now = r.now.Add(20 * day)
	r.look(0)
	r.hours(1)
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "whole", string(text))
	info, err := os.Lstat(filepath.Join(r.dir, waitFile))
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
}
