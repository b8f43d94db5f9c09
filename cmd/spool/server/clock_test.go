package server

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

const years = 365 * 24 * time.Hour

type expiryAnswer struct {
	Held *struct {
		Cause string `json:"cause"`
		Files int    `json:"files"`
	} `json:"held"`
	Waiting []struct {
		File string `json:"file_path"`
	} `json:"waiting"`
	Clock struct {
		State string `json:"state"`
	} `json:"clock"`
	Files int `json:"files"` // in the response to a confirmation
}

// A recorder that starts with a clock ten years ahead records and deletes nothing. It deletes
// expired files after an operator has confirmed the clock.
func TestAStartTenYearsAheadDeletesNothingUntilConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		synchronised bool
		cause        string
		problem      string
	}{
		"not synchronised": {false, "clock", "clock_doubtful"},
		"synchronised":     {true, "mass_expiry", "mass_expiry"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			old := fill(t, dir, oneStream, 3)
			r := start(t, dir, oneStream, 10*years, c.synchronised)
			r.eventually("it records and reports the problem", func() bool {
				wrong := r.wrong()
				return len(r.files()) >= len(old)+2 && len(wrong) == 1 && wrong[0] == c.problem
			})
			r.keeper.MakeRoom(t.Context())
			for _, file := range old {
				require.FileExists(t, file)
			}
			var got expiryAnswer
			r.ask("GET", "/mp4/retention", &got)
			require.NotNil(t, got.Held)
			require.Equal(t, c.cause, got.Held.Cause)
			require.Equal(t, len(old), got.Held.Files)
			require.Len(t, got.Waiting, len(old))

			require.Equal(t, http.StatusOK, r.ask("POST", "/mp4/retention/confirm", &got))
			require.Equal(t, len(old), got.Files)
			r.eventually("the old ones go", func() bool {
				for _, file := range old {
					if _, err := os.Stat(file); err == nil {
						return false
					}
				}
				return true
			})
			require.NotEmpty(t, r.files(), "the new ones stay")
			r.eventually("nothing is wrong", func() bool { return len(r.wrong()) == 0 })
			require.Equal(t, http.StatusConflict, r.ask("POST", "/mp4/retention/confirm", &struct{}{}))
		})
	}
}

// With a clock of 1970 a recorder records, including scheduled streams, and deletes nothing.
func TestAStartIn1970RecordsAndDeletesNothing(t *testing.T) {
	const planned = `
mp4: {max_duration: 1s, expire_days: 1, filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {a: {pull: "testpattern://?size=160x120&fps=25&gop=25"}}
crontab: {jobs: [{name: night, cron: "0 2 29 2 *", action: record_start, stream: a, duration: 60}]}
`
	dir := t.TempDir()
	old := fill(t, dir, oneStream, 2)
	r := start(t, dir, planned, time.Since(time.Unix(100, 0))*-1, false)
	r.eventually("it records", func() bool { return len(r.files()) >= len(old)+2 })
	require.Equal(t, []string{"clock_wrong"}, r.wrong())
	r.keeper.MakeRoom(t.Context())
	recorded := r.files()
	require.Subset(t, recorded, old)
	var schedule struct {
		Streams []struct {
			Record bool
			Why    string
		}
	}
	r.ask("GET", "/mp4/schedule", &schedule)
	require.True(t, schedule.Streams[0].Record)
	require.Contains(t, schedule.Streams[0].Why, "clock is wrong")
	require.Equal(t, http.StatusConflict, r.ask("POST", "/mp4/retention/confirm", &struct{}{}), "1970 is not confirmed")
	r.stop()
	recorded = r.files()

	// The clock is set and synchronised. A recording that was dated 1970 does not expire by
	// that.
	r = start(t, dir, planned, 0, true)
	r.keeper.MakeRoom(t.Context())
	var got expiryAnswer
	r.ask("GET", "/mp4/retention", &got)
	require.Equal(t, "believed", got.Clock.State)
	require.Nil(t, got.Held, "%+v", got)
	require.Subset(t, r.files(), recorded)
	r.eventually("nothing is wrong", func() bool { return len(r.wrong()) == 0 })
}

// Rows of lost recordings are kept for an hour, by a believed clock.
func TestOldRowsAreRemovedByABelievedClockOnly(t *testing.T) {
	const brief = "retention: {keep_lost: 1h, mass_expiry: allow}\n"
	dir := t.TempDir()
	files := fill(t, dir, oneStream+brief, 2)
	require.NoError(t, os.Remove(files[0]))
	lost := func(r *fixture) (n int) {
		var list struct{ Count int }
		if r.ask("GET", "/mp4/records?state=lost", &list) != http.StatusOK {
			return -1
		}
		return list.Count
	}
	r := start(t, dir, brief, 0, false)
	r.eventually("its row is lost", func() bool { return lost(r) == 1 })
	r.stop()

	r = start(t, dir, brief, 10*years, false)
	r.eventually("the clock is doubted", func() bool { return len(r.wall.Problems()) == 1 && lost(r) == 1 })
	require.False(t, r.upkeepDue(time.Time{}))
	r.stop()

	r = start(t, dir, brief, 10*years, true)
	require.True(t, r.upkeepDue(time.Time{}))
	r.eventually("it is forgotten", func() bool { return lost(r) == 0 })
}

// A board's first run was in 1970 and ended in a power cut. The gap before the next file is not
// 56 years.
func TestARunIn1970LeavesNoGapOfDecades(t *testing.T) {
	r := start(t, t.TempDir(), "", 0, true)
	put := func(end time.Time) {
		require.NoError(t, r.catalogue.Put(t.Context(), media.Recording{
			ID: media.NewID(end), Stream: "a", Pipeline: "default", Path: end.Format("150405") + ".mp4", State: media.StateRecovered,
			StartUTC: end.Add(-time.Second).UnixNano(), EndUTC: end.UnixNano(), DurationNS: int64(time.Second), SizeBytes: 1, EndReason: endcause.Crash,
		}))
	}
	put(time.Unix(100, 0))
	require.Zero(t, r.lastInterrupted("a", "default"))
	now := time.Now()
	put(now)
	require.Equal(t, now.UnixNano(), r.lastInterrupted("a", "default"))
}
