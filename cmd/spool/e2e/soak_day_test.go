package e2e

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/proc"
	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/bench/yardstick"
)

// soakLength returns how long the recorder runs, and whether that is long enough to judge growth: SOAK_LENGTH of
// make soak-day. Without it the recorder only starts, and only the measurement is checked.
func soakLength(t *testing.T) (length time.Duration, judged bool) {
	text := os.Getenv("SOAK_LENGTH")
	if text == "" {
		return 2 * time.Second, false
	}
	length, err := time.ParseDuration(text)
	require.NoError(t, err, "SOAK_LENGTH")
	require.GreaterOrEqual(t, length, time.Minute, "SOAK_LENGTH: the database has its size after half a minute")
	return length, true
}

// footprint is what a recorder takes of the machine at one moment.
type footprint struct {
	at                                time.Duration // since the publishers began
	recordings                        float64       // files begun so far
	rssBytes, goroutines, descriptors float64
	journalBytes, databaseBytes       float64
}

// grows lists what must stay flat: by how much the median of the last third of the run may exceed that of the second
// third. The bounds are absolute: they hold for a run of any length, on a machine of any speed.
var grows = []struct {
	what string
	most float64
	of   func(footprint) float64
}{
	{"RSS in MB", 24, func(f footprint) float64 { return f.rssBytes / 1e6 }},
	{"goroutines", 40, func(f footprint) float64 { return f.goroutines }},
	{"descriptors", 40, func(f footprint) float64 { return f.descriptors }},
	{"journal in kB", 2048, func(f footprint) float64 { return f.journalBytes / 1e3 }},
	{"database in kB", 4096, func(f footprint) float64 { return f.databaseBytes / 1e3 }},
}

// Twenty publishers with sound are recorded in files of five seconds, of which retention keeps the newest. What is done
// once a file, from its creation over the catalogue to its deletion, thus happens 60 times as often as with files of
// five minutes: 24 minutes have as many files as a day.
func TestTheFootprintOfTwentyStreamsStaysFlat(t *testing.T) {
	t.Parallel()
	length, judged := soakLength(t)
	c, err := footage.Make(t.Context(), workshop, footage.Spec{Size: "320x180", Seconds: 10, GOP: 25, Bitrate: 500_000})
	require.NoError(t, err)
	r := serveStatic(t, `
mp4: {max_duration: 5s, filename_pattern: "{stream_path}/{timestamp}_{seq}.mp4"}
retention: {max_bytes: 64MiB}
ingest: {rtsp: {max_connections_per_address: 100}}
pipelines: {all: {streams: ["**"], record: always, stages: [source, segmenter, mp4, metadata]}}
`)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ended, ready := make(chan error, 1), make(chan struct{})
	publishers := &publishload.Load{URL: r.rtsp + "/live/cam%03d", N: 20, Clip: c, Sound: true, Ready: func() { close(ready) }}
	go func() { ended <- publishers.Run(ctx) }()
	select {
	case <-ready:
	case err := <-ended:
		require.NoError(t, err)
	}

	const samples = 30
	var seen []footprint
	tick := time.NewTicker(length / samples)
	defer tick.Stop()
	began := time.Now()
	t.Logf("%8s %10s %8s %11s %12s %11s %12s", "time", "recordings", "RSS MB", "goroutines", "descriptors", "journal kB", "database kB")
	for range samples {
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("the publishers ended: %v", err)
		}
		f := r.footprint(time.Since(began))
		seen = append(seen, f)
		t.Logf("%8s %10.0f %8.1f %11.0f %12.0f %11.1f %12.1f", f.at.Round(time.Second), f.recordings, f.rssBytes/1e6, f.goroutines, f.descriptors, f.journalBytes/1e3, f.databaseBytes/1e3)
	}
	leave()
	require.NoError(t, <-ended)
	for _, g := range grows {
		var values []float64
		for _, f := range seen {
			values = append(values, g.of(f))
		}
		require.Positive(t, values[samples-1], g.what)
		if !judged {
			continue
		}
		from, to := yardstick.Median(values[samples/3:2*samples/3]), yardstick.Median(values[2*samples/3:])
		t.Logf("%s: from %.0f to %.0f; at most %.0f more", g.what, from, to, g.most)
		require.LessOrEqual(t, to-from, g.most, g.what)
	}
	require.Equal(t, 0, r.signal(syscall.SIGINT))
	r.allFinished()
}

// footprint measures the recorder.
func (r *recorder) footprint(at time.Duration) footprint {
	r.t.Helper()
	usage, err := proc.Read(r.cmd.Process.Pid)
	require.NoError(r.t, err)
	f := footprint{at: at, rssBytes: float64(usage.RSSBytes), goroutines: r.metric("go_goroutines"), descriptors: float64(r.descriptors())}
	_, metrics := r.ask("GET", "/metrics")
	for text := range strings.Lines(string(metrics)) {
		if begun := strings.Fields(text); strings.HasPrefix(text, "spool_recording_segments_total{") {
			n, err := strconv.ParseFloat(begun[len(begun)-1], 64)
			require.NoError(r.t, err, text)
			f.recordings += n
		}
	}
	require.NoError(r.t, filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // retention deletes files meanwhile
		}
		info, err := d.Info()
		switch {
		case err != nil:
		case strings.Contains(path, "journal"):
			f.journalBytes += float64(info.Size())
		case strings.HasPrefix(d.Name(), "spool.db"):
			f.databaseBytes += float64(info.Size())
		}
		return nil
	}))
	return f
}
