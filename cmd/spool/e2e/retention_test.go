package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Eight recordings fill a file system of 64 MiB many times over, with disk_max_percent: 80. None
// of them stops or has a gap, the disk is never fuller than that nor emptied further than
// needed, and protected recordings stay. With E2E_LONG it runs for five minutes.
func TestASmallDiskIsFilledForEver(t *testing.T) {
	t.Parallel()
	times, lasts := int64(2), time.Duration(0)
	if long {
		lasts = 5 * time.Minute
	}
	const size = 64 << 20
	r := serveOn(t, memoryDisk(t, "64m"), smallDiskConfig(8))
	protected := r.protect("live/cam0")

	began, total, most, least := time.Now(), int64(0), int64(0), int64(size)
	full, broken := false, ""
	require.Eventually(t, func() bool {
		used := usedOf(t, r.files)
		most = max(most, used)
		if full = full || used > size*70/100; full {
			least = min(least, used)
		}
		total = 0
		for n := range 8 {
			s := answer[struct {
				status
				Total int64 `json:"total_bytes"`
			}](r, "GET", fmt.Sprintf("/mp4/status/live/cam%d", n))
			total += s.Total
			if !s.Recording || s.Gaps > 0 || len(s.Drops) > 0 {
				broken = fmt.Sprintf("cam%d: %+v", n, s.status)
				return true
			}
		}
		return total > times*size && time.Since(began) >= lasts
	}, lasts+4*patience, 100*time.Millisecond, "only %d bytes were written", total)
	require.Empty(t, broken, "%.1f %% are used", float64(most)/size*100)
	t.Logf("%d MiB through a disk of 64 MiB in %v; %.1f %% used at most, %.1f %% at least", total>>20,
		time.Since(began).Round(time.Second), float64(most)/size*100, float64(least)/size*100)
	require.LessOrEqual(t, most, int64(size*80/100))
	require.GreaterOrEqual(t, least, int64(size*60/100), "more is deleted than is needed")

	plan := answer[retentionPlan](r, "GET", "/mp4/retention?dry_run=true")
	require.Equal(t, int64(size), plan.DiskBytes)
	require.Empty(t, plan.Stopped)
	require.NotEmpty(t, plan.Next)
	require.Len(t, plan.Streams, 8)
	require.NotContains(t, names(plan.Next), protected.File)
	out := r.offline("retention", "--dry-run")
	require.Contains(t, out, plan.Next[len(plan.Next)-1].File)

	require.FileExists(t, r.path(protected.File))
	for n := range 8 {
		r.unbroken(fmt.Sprintf("live/cam%d", n), protected.File)
	}
}

// protect protects the first finished recording of a stream.
func (r *recorder) protect(stream string) record {
	r.t.Helper()
	type found struct {
		ID string `json:"id"`
		record
	}
	var first found
	eventually(r.t, "the first finished recording's row", func() bool {
		list := answer[struct{ Records []found }](r, "GET", "/mp4/records?state=finished&order=asc&limit=1&stream="+stream).Records
		if len(list) > 0 {
			first = list[0]
		}
		return len(list) > 0
	})
	req, err := http.NewRequestWithContext(r.t.Context(), "PATCH", r.api+"/mp4/records/"+first.ID, strings.NewReader(`{"protected":true}`))
	require.NoError(r.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp := r.do(req)
	require.NoError(r.t, resp.Body.Close())
	require.Equal(r.t, http.StatusOK, resp.StatusCode)
	return first.record
}

type retentionPlan struct {
	DiskBytes int64 `json:"disk_bytes"`
	Next      []struct {
		File  string `json:"file_path"`
		Class string `json:"class"`
	} `json:"next"`
	Streams []struct {
		Stream string `json:"stream_path"`
	} `json:"streams"`
	Stopped []struct {
		Stream string `json:"stream_path"`
	} `json:"stopped"`
}

func names(list []struct {
	File  string `json:"file_path"`
	Class string `json:"class"`
}) (out []string) {
	for _, e := range list {
		out = append(out, e.File)
	}
	return out
}

// unbroken requires that each finished recording of a stream is on the disk and begins where the
// previous one ended. The protected one may lie far back.
func (r *recorder) unbroken(stream, protected string) {
	r.t.Helper()
	var last time.Time
	recs := r.records(stream)
	slices.SortFunc(recs, func(a, b record) int { return a.Start.Compare(b.Start) })
	for _, rec := range recs {
		if !last.IsZero() {
			require.InDelta(r.t, 0, rec.Start.Sub(last).Seconds(), 0.1, "%s: a hole before %s", stream, rec.File)
		}
		if last = rec.End; rec.File == protected {
			last = time.Time{}
		}
	}
	require.Greater(r.t, len(recs), 2)
}

func smallDiskConfig(streams int) string {
	config := strings.Builder{}
	config.WriteString(`
mp4: {max_duration: 2s, disk_max_percent: 80, filename_pattern: "{stream_path}/{date}_{time}_{ms}.mp4"}
pipelines: {all: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
streams:
`)
	for n := range streams {
		fmt.Fprintf(&config, "  live/cam%d: {pull: \"testpattern://?size=320x180&gop=25&bitrate=3M\"}\n", n)
	}
	return config.String()
}

// serveOn records to an existing directory.
func serveOn(t *testing.T, files, config string) *recorder {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Symlink(files, filepath.Join(dir, "recordings")))
	r := launch(t, staticBinary, dir, config, "--record-path", files)
	r.files = files
	return r
}

func usedOf(t *testing.T, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	return int64((st.Blocks - st.Bfree) * uint64(st.Bsize))
}

// offline runs another command of the same binary with the recorder's settings.
func (r *recorder) offline(args ...string) string {
	r.t.Helper()
	path, err := staticBinary()
	require.NoError(r.t, err)
	cmd := exec.Command(path, append(args, "--record-path", r.files)...)
	cmd.Dir = r.dir
	out, err := cmd.Output()
	require.NoError(r.t, err, "%s", out)
	return string(out)
}
