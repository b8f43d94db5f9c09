package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// outage disconnects a database and reconnects it.
type outage struct {
	name       string
	away, back func()
	says       string  // a part of the recorder's report
	seconds    float64 // minimal duration; 0: outageSeconds
}

// diskFull lists a part of each database's error when its disk is full. MariaDB may also exit,
// and then answers nothing.
var diskFull = map[string]string{"postgres": "SQLSTATE 53100", "sqlite": "disk is full"}

// outageSeconds returns the duration of an outage.
func outageSeconds() float64 {
	if long {
		return 60
	}
	return 3
}

// TestRecordingsDoNotNoticeThatTheDatabaseIsAway disconnects the database during twenty
// recordings, in every way that is possible. No stream is affected, and afterwards every file
// has exactly one row.
func TestRecordingsDoNotNoticeThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	starts := map[string]func(dbtest.TB) *dbtest.Server{"postgres": dbtest.StartPostgresOnDisk, "mysql": dbtest.StartMariaDBOnDisk}
	for driver, start := range starts {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			addr, cut, mend := proxy(t, server.Addr)
			outages := []outage{
				{"killed", server.Kill, server.Start, "", 0}, {"stopped", server.Freeze, server.Thaw, "", 0}, {"cut off", cut, mend, "", 0},
				{"on a full disk", server.Fill, server.Free, diskFull[driver], 0},
			}
			withoutDatabase(t, &database{driver: driver, dsn: server.DSNFor(addr), server: server}, outages)
		})
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		disk := t.TempDir()
		dbtest.Mount(t, disk, "16m") // with room for the waiting changes and for SQLite's log of them
		filler := filepath.Join(disk, "filler")
		withoutDatabase(t, &database{driver: "sqlite", dsn: filepath.Join(disk, "spool.db")}, []outage{
			{"on a full disk", func() { dbtest.Fill(t, filler) }, func() { require.NoError(t, os.Remove(filler)) }, diskFull["sqlite"],
				12}, // until its directory has been found full twice
		})
	})
}

// twentyStreams declares cameras that need no network.
func twentyStreams() string {
	var text strings.Builder
	text.WriteString("flush_interval: 0.5\nmp4: {max_duration: 2}\nstreams:\n")
	for i := range 20 {
		fmt.Fprintf(&text, "  live/cam%02d: {pull: 'testpattern://?size=64x64&fps=10&gop=10'}\n", i)
	}
	return text.String()
}

func withoutDatabase(t *testing.T, db *database, outages []outage) {
	r := launch(t, staticBinary, t.TempDir(), twentyStreams(), db.flags()...)
	r.expect("the database is not available", "request not served")
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("live/cam%02d", i)
		r.start(names[i], "")
	}
	r.awaitUnits(names[19], 1)
	for _, o := range outages {
		o.away()
		began, lasts := time.Now(), max(o.seconds, outageSeconds())
		require.Eventually(t, func() bool {
			return time.Since(began).Seconds() >= lasts && r.metric("spool_catalogue_pending_changes") >= 40
		}, patience+time.Duration(lasts)*time.Second, 50*time.Millisecond, "%s %s: rows wait", db.driver, o.name)
		require.Positive(t, r.metric("spool_catalogue_lag_seconds"))
		eventually(t, db.driver+" is reported as "+o.name, func() bool {
			_, ready := r.ask("GET", "/readyz")
			return strings.Contains(string(ready), o.says)
		})
		r.waitingIsListed()
		o.back()
		back := time.Now()
		eventually(t, db.driver+" has all that waited after it was "+o.name, func() bool {
			if db.server != nil {
				db.server.Revive()
			}
			code, _ := r.ask("GET", "/readyz")
			since := time.Since(back).Seconds() // what waits still is younger
			return code == 200 && r.metric("spool_catalogue_lag_seconds") < since
		})
	}
	for _, name := range names {
		require.Empty(t, r.stream(name).Drops, name)
		r.stop(name)
		s := r.status(name)
		require.Empty(t, s.Drops, name)
		require.Zero(t, s.Gaps, name)
	}
	r.rowsAreFiles()
	for _, name := range names {
		r.seamless(name)
	}
	require.Zero(t, r.metric("spool_catalogue_refused_changes_total"))
	require.Zero(t, r.metric("spool_catalogue_full_changes_total"))
}

// waitingIsListed requires that recordings that were finished during the outage are listed once
// the outage is known.
func (r *recorder) waitingIsListed() {
	r.t.Helper()
	p := answer[rowPage](r, "GET", "/mp4/records?state=finished&limit=1000")
	require.NotEmpty(r.t, p.Records)
	if code, body := r.ask("GET", "/readyz"); code != 200 {
		require.Contains(r.t, string(body), `"name":"database","ok":false`)
		require.NotContains(r.t, string(body), "secret")
		require.True(r.t, answer[rowPage](r, "GET", "/mp4/records").Degraded)
	}
}

// seamless requires that each of a stream's recordings begins where the previous one ended, so
// that no access unit is missing between them.
func (r *recorder) seamless(stream string) {
	r.t.Helper()
	recs := r.rows("order=asc&stream="+stream, 1000)
	require.Greater(r.t, len(recs), 1, stream)
	for i, rec := range recs {
		require.Nil(r.t, rec.Gap, "%s: %s", stream, rec.File)
		require.InDelta(r.t, rec.Duration, rec.End.Sub(rec.Start).Seconds(), 0.15, rec.File)
		if i > 0 {
			require.WithinDuration(r.t, recs[i-1].End, rec.Start, 50*time.Millisecond, "%s: before %s", stream, rec.File)
		}
	}
}

// proxy puts a real TCP proxy in front of a server.
func proxy(t *testing.T, to string) (addr string, cut, mend func()) {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "db", "127.0.0.1:0", to)
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	addr = p.Listen
	return addr, p.Stop, func() { require.NoError(t, p.Start()) }
}
