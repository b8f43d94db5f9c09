package api

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
)

// TestMetricsShowStreamsAndRecordings compares every line of our own. Each figure has a distinct value, so that
// a value from the wrong field is found.
func TestMetricsShowStreamsAndRecordings(t *testing.T) {
	w := newFixture(t)
	clock := &turned{at: time.Unix(1000, 0)}
	w.list = []media.StreamInfo{
		{Path: `live/cam"1`, State: "live", Bytes: 7, AccessUnits: 3, Subscribers: 2,
			Repairs: []media.Repair{{Cause: "shared_timestamp", Count: 9}}, Losses: []media.Loss{{Cause: "rtp_loss", Count: 13}}},
		{Path: "off", State: "offline", Bytes: 14, AccessUnits: 15, Subscribers: 16, Pull: "rtsp://h/s", PullFailed: 41},
	}
	w.problems = map[string][]pipeline.Problem{`live/cam"1`: {{Problem: "nothing_kept"}, {Problem: "nothing_kept"}, {Problem: "no_keyframe"}}}
	w.status[`live/cam"1`] = recorder.StreamStatus{Report: pipeline.Report{Recording: true, Bytes: 98, TotalBytes: 99, AccessUnits: 21, Segments: 22, Gaps: 4,
		LastDurable: time.Unix(997, 5e8), LastWritten: time.Unix(996, 0), LastAccessUnit: time.Unix(995, 0),
		RingBytes: 5, RingMaxBytes: 6, RingSpan: 1500 * time.Millisecond, RingChunks: 17,
		Drops: []pipeline.Drop{{Stage: "gop_ring", Cause: "overload", AccessUnits: 51, Bytes: 60},
			{Stage: "hub", Cause: "bad", AccessUnits: 11, Bytes: 12}, {Stage: "hub", Cause: "bad", AccessUnits: 20, Bytes: 30}}}}
	w.recording["armed"] = recorder.StartOptions{}
	extra := prometheus.NewGauge(prometheus.GaugeOpts{Name: "spool_extra", Help: "From the program."})
	extra.Set(5)
	s := w.server(func(_ *Config, d *Deps) {
		d.Clock, d.Metrics = clock, []prometheus.Collector{extra}
		d.Health = func(context.Context) []pipeline.Problem {
			return []pipeline.Problem{{Problem: "disk_full", Stream: "a"}, {Problem: "disk_full", Stream: "a"}, {Problem: "database"}}
		}
	})
	r := do(s, "GET", "/metrics", "")
	require.Equal(t, 200, r.code)
	var own []string
	for _, line := range strings.Split(r.body, "\n") {
		if strings.HasPrefix(line, "spool_") {
			own = append(own, strings.ReplaceAll(strings.TrimPrefix(line, "spool_"), `live/cam\"1`, "CAM"))
		}
	}
	want := `
build_info{version="v1.2.3"} 1
dropped_access_units_total{cause="bad",stage="hub",stream="CAM"} 31
dropped_access_units_total{cause="overload",stage="gop_ring",stream="CAM"} 51
dropped_access_units_total{cause="rtp_loss",stage="ingest",stream="CAM"} 13
dropped_bytes_total{cause="bad",stage="hub",stream="CAM"} 42
dropped_bytes_total{cause="overload",stage="gop_ring",stream="CAM"} 60
dropped_bytes_total{cause="rtp_loss",stage="ingest",stream="CAM"} 0
extra 5
problem{problem="database",stream=""} 1
problem{problem="disk_full",stream="a"} 1
recording_access_units_total{stream="CAM"} 21
recording_access_units_total{stream="armed"} 0
recording_access_units_total{stream="off"} 0
recording_active{stream="CAM"} 1
recording_active{stream="armed"} 0
recording_active{stream="off"} 0
recording_bytes_total{stream="CAM"} 99
recording_bytes_total{stream="armed"} 0
recording_bytes_total{stream="off"} 0
recording_durable_age_seconds{stream="CAM"} 2.5
recording_gaps_total{stream="CAM"} 4
recording_gaps_total{stream="armed"} 0
recording_gaps_total{stream="off"} 0
recording_segments_total{stream="CAM"} 22
recording_segments_total{stream="armed"} 0
recording_segments_total{stream="off"} 0
ring_bytes{stream="CAM"} 5
ring_bytes{stream="armed"} 0
ring_bytes{stream="off"} 0
ring_max_bytes{stream="CAM"} 6
ring_max_bytes{stream="armed"} 0
ring_max_bytes{stream="off"} 0
ring_seconds{stream="CAM"} 1.5
ring_seconds{stream="armed"} 0
ring_seconds{stream="off"} 0
stream_access_units_total{stream="CAM"} 3
stream_access_units_total{stream="off"} 15
stream_bytes_total{stream="CAM"} 7
stream_bytes_total{stream="off"} 14
stream_live{stream="CAM"} 1
stream_live{stream="off"} 0
stream_problems{problem="no_keyframe",stream="CAM"} 1
stream_problems{problem="nothing_kept",stream="CAM"} 2
stream_problems{problem="nothing_kept",stream="off"} 0
stream_pull_failures_total{stream="off"} 41
stream_repairs_total{cause="shared_timestamp",stream="CAM"} 9
stream_subscribers{stream="CAM"} 2
stream_subscribers{stream="off"} 16
streams_without_series 0
`
	slices.Sort(own)
	require.Equal(t, strings.TrimSpace(want), strings.Join(own, "\n"))
	for _, name := range []string{"go_goroutines", "process_open_fds"} {
		require.Contains(t, r.body, name)
	}
	problems, err := promlint.New(strings.NewReader(r.body)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestMetricsOfOneNameTwiceAreFoundAtTheStart(t *testing.T) {
	w := newFixture(t)
	deps := w.deps()
	g := func() prometheus.Collector {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "twice", Help: "x"})
	}
	deps.Metrics = []prometheus.Collector{g(), g()}
	_, err := New(w.config(), deps)
	require.ErrorContains(t, err, "metrics")
}
