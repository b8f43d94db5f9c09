package retention

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func lasting(d time.Duration) func(*media.Recording) {
	return func(rec *media.Recording) { rec.StartUTC = rec.EndUTC - d.Nanoseconds() }
}

// TestADateThatCannotBeRight checks that such a file gets its modification time, or the time at
// which it was first seen, which is stored on the disk.
func TestADateThatCannotBeRight(t *testing.T) {
	wrong := func(end time.Time) func(*media.Recording) {
		return func(rec *media.Recording) {
			rec.StartUTC, rec.EndUTC = end.Add(-time.Minute).UnixNano(), end.UnixNano()
		}
	}
	for name, end := range map[string]time.Time{"1970": time.Unix(1000, 0), "the future": morning.Add(10 * years)} {
		for _, modified := range []time.Duration{0, 3 * day} { // how long ago; 0: as wrong as the date
			t.Run(name, func(t *testing.T) {
				r := kept(t, MassWait)
				r.week(3)
				file := r.put("odd.mp4", "live/odd", 0, 4096, wrong(end))
				at, lives := end, 7*day
				if modified > 0 {
					at, lives = r.now.Add(-modified), 7*day-modified
				}
				require.NoError(t, os.Chtimes(r.path(file), at, at))
				began := r.now
				for n := 0; r.now.Before(began.Add(lives - time.Hour)); n++ {
					if n == 40 {
						r.restart()
					}
					r.look(time.Hour)
					require.FileExists(t, r.path(file))
				}
				r.hours(3)
				require.NoFileExists(t, r.path(file))
			})
		}
	}
}

// TestAWrongDateDoesNotChangeTheOrder checks that such a file is deleted neither first nor last
// because of its date.
func TestAWrongDateDoesNotChangeTheOrder(t *testing.T) {
	r := newFixture(t, limits(Limits{MaxBytes: 10 * mib}))
	for n := range 9 {
		r.put(number(n), "live/cam", 5*day-time.Duration(n)*12*time.Hour, mib)
	}
	for name, end := range map[string]time.Time{"1970.mp4": time.Unix(1000, 0), "2036.mp4": r.now.Add(10 * years)} {
		r.put(name, "live/cam", 0, mib, func(rec *media.Recording) { rec.StartUTC, rec.EndUTC = end.UnixNano(), end.UnixNano() })
		require.NoError(t, os.Chtimes(r.path(name), end, end))
	}
	r.look(0)
	require.NotContains(t, r.files(), number(0))
	require.Contains(t, r.files(), "1970.mp4")
	for n := range 9 { // recorded a day before these
		name := r.put(number(100+n), "live/cam", -24*time.Hour-time.Duration(n)*time.Minute, mib)
		r.k.Changed(name)
	}
	r.now, r.steady = r.now.Add(25*time.Hour), r.steady+25*time.Hour
	r.look(time.Second)
	require.NotContains(t, r.files(), "1970.mp4")
	require.NotContains(t, r.files(), "2036.mp4")
	require.Contains(t, r.files(), number(108))
}

// TestAPlanWritesNoDate checks that Plan writes nothing.
func TestAPlanWritesNoDate(t *testing.T) {
	r := kept(t, MassWait)
	old := time.Unix(1000, 0)
	r.put("1970.mp4", "live/cam", 0, 4096, func(rec *media.Recording) { rec.StartUTC, rec.EndUTC = 1, old.UnixNano() })
	require.NoError(t, os.Chtimes(r.path("1970.mp4"), old, old))
	p := r.plan()
	require.Nil(t, p.Held)
	require.Empty(t, p.Now)
	info, err := os.Stat(r.path("1970.mp4"))
	require.NoError(t, err)
	require.True(t, info.ModTime().Equal(old))
	require.Len(t, r.files(), 1)
	require.Less(t, p.Streams[0].Keeps, day)
}
