package api

import (
	"strings"
	"testing"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
)

func TestMetricsAreWhatStreamsAndRecordingsSay(t *testing.T) {
	w := newWorld(t)
	clock := &turned{at: time.Unix(1000, 0)}
	w.list = []Stream{{Path: `live/cam"1`, State: "live", Bytes: 7, AccessUnits: 3, Subscribers: 2,
		Repairs: []Repair{{"shared_timestamp", 9}}, Problems: []pipeline.Problem{{Problem: "nothing_kept"}, {Problem: "nothing_kept"}},
		Drops: []pipeline.Drop{{Stage: "hub", Cause: "bad", AccessUnits: 1}, {Stage: "hub", Cause: "bad", AccessUnits: 2}}}}
	w.status[`live/cam"1`] = Status{Report: pipeline.Report{Recording: true, TotalBytes: 99, Gaps: 4, LastDurable: time.Unix(997, 5e8),
		RingBytes: 5, RingSpan: 1500 * time.Millisecond, Drops: []pipeline.Drop{{Stage: "gop_ring", Cause: "overload", AccessUnits: 50, Bytes: 60}}}}
	w.recording["armed"] = StartOptions{}
	extra := prometheus.NewGauge(prometheus.GaugeOpts{Name: "spool_extra", Help: "From the program."})
	extra.Set(5)
	s := w.server(func(_ *Config, d *Deps) { d.Clock, d.Metrics = clock, []prometheus.Collector{extra} })
	r := do(s, "GET", "/metrics", "")
	require.Equal(t, 200, r.code)
	for _, line := range []string{
		`spool_build_info{version="v1.2.3"} 1`,
		`spool_stream_live{stream="live/cam\"1"} 1`,
		`spool_stream_bytes_total{stream="live/cam\"1"} 7`,
		`spool_dropped_access_units_total{cause="bad",stage="hub",stream="live/cam\"1"} 3`,
		`spool_dropped_access_units_total{cause="overload",stage="gop_ring",stream="live/cam\"1"} 50`,
		`spool_dropped_bytes_total{cause="overload",stage="gop_ring",stream="live/cam\"1"} 60`,
		`spool_stream_repairs_total{cause="shared_timestamp",stream="live/cam\"1"} 9`,
		`spool_stream_problems{problem="nothing_kept",stream="live/cam\"1"} 2`,
		`spool_recording_active{stream="live/cam\"1"} 1`,
		`spool_recording_active{stream="armed"} 0`,
		`spool_recording_bytes_total{stream="live/cam\"1"} 99`,
		`spool_recording_gaps_total{stream="live/cam\"1"} 4`,
		`spool_recording_durable_age_seconds{stream="live/cam\"1"} 2.5`,
		`spool_ring_seconds{stream="live/cam\"1"} 1.5`,
		`spool_extra 5`,
		`go_goroutines`,
		`process_open_fds`,
	} {
		require.True(t, strings.Contains(r.body, line), line)
	}
	require.NotContains(t, r.body, `durable_age_seconds{stream="armed"}`)
	problems, err := promlint.New(strings.NewReader(r.body)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestMetricsOfOneNameTwiceAreFoundAtTheStart(t *testing.T) {
	w := newWorld(t)
	deps := w.deps()
	g := func() prometheus.Collector {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "twice", Help: "x"})
	}
	deps.Metrics = []prometheus.Collector{g(), g()}
	_, err := New(w.config(), deps)
	require.ErrorContains(t, err, "metrics")
}
