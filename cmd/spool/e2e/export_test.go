package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// exported holds the fields of an export that the tests read.
type exported struct {
	ID, URL, Name, State, Error string
	Bytes                       int64
	Total                       int64 `json:"total_bytes"`
	Share                       float64
	Files                       []struct {
		Name, URL, SHA256 string
		Size              int64
	}
}

type exportReply struct {
	Export exported
	Key    struct{ ID, Public string }
}

const twoCameras = `
streams:
  live/a: {pull: "testpattern://?size=320x180&fps=25&gop=50"}
  live/b: {pull: "testpattern://?size=640x360&fps=25&gop=25"}
pipelines:
  default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {max_duration: 3}, mp4: {}, metadata: {}]}
`

// span returns the JSON of a span.
func span(streams string, from, to time.Time, more string) string {
	return fmt.Sprintf(`{"streams": [%s], "start": %q, "end": %q%s}`, streams, from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano), more)
}

// export begins an export.
func (r *recorder) export(body string) exported {
	r.t.Helper()
	resp, text := r.send("POST", "/mp4/export", body, "Content-Type", "application/json")
	require.Equal(r.t, http.StatusAccepted, resp.StatusCode, text)
	var e exportReply
	require.NoError(r.t, json.Unmarshal([]byte(text), &e))
	require.Equal(r.t, e.Export.URL, resp.Header.Get("Location"))
	return e.Export
}

// exportIs waits until an export has a state.
func (r *recorder) exportIs(e exported, state string) (reply exportReply) {
	r.t.Helper()
	eventually(r.t, "the export is "+state, func() bool {
		reply = answer[exportReply](r, "GET", e.URL)
		require.True(r.t, state == "failed" || reply.Export.State != "failed", reply.Export.Error)
		return reply.Export.State == state
	})
	return reply
}

// saved saves a file of an export in a directory.
func (r *recorder) saved(url, to string) string {
	r.t.Helper()
	code, body := r.ask("GET", url)
	require.Equal(r.t, 200, code, "%.200s", body)
	require.NoError(r.t, os.WriteFile(to, body, 0o600))
	return to
}

// recordedSpan waits for files of both cameras, and returns a span over borders of files, whose bounds are between two
// pictures of each stream.
func (r *recorder) recordedSpan(files int) (from, to time.Time) {
	r.t.Helper()
	for _, stream := range []string{"live/a", "live/b"} {
		eventually(r.t, "files of "+stream, func() bool { return len(r.records(stream)) > files })
	}
	recs := r.records("live/a")
	return recs[0].Start.Add(1500 * time.Millisecond), recs[files-1].Start.Add(500 * time.Millisecond)
}

// shown returns the numbers of a stream's pictures that are presented in a span, read from the recorded files.
func (r *recorder) shown(stream string, width, height int, from, to time.Time) (numbers []uint32) {
	r.t.Helper()
	for _, rec := range r.records(stream) {
		if rec.State == "recording" || !rec.Start.Before(to) {
			continue
		}
		for i, n := range frameNumbers(r.t, r.path(rec.File), width, height) {
			if at := rec.Start.Add(time.Duration(i) * 40 * time.Millisecond); !at.Before(from) && at.Before(to) {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}

// TestStreamsAreExportedToAnArchive exports two streams over the borders of files. Other programs read the archive, it has
// exactly the pictures of the span, its player plays them, and one changed byte is found.
func TestStreamsAreExportedToAnArchive(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, twoCameras)
	from, to := r.recordedSpan(3)
	done := r.exportIs(r.export(span(`"live/a", "live/b"`, from, to, `, "name": "both doors"`)), "finished")
	require.EqualValues(t, 1, done.Export.Share)
	require.Equal(t, done.Export.Total, done.Export.Bytes)
	require.Len(t, done.Export.Files, 1)
	dir := t.TempDir()
	archive := r.saved(done.Export.Files[0].URL, filepath.Join(dir, done.Export.Files[0].Name))
	require.Contains(t, tool(t, "unzip", "-t", archive), "No errors detected")
	require.Contains(t, tool(t, "sha256sum", archive), done.Export.Files[0].SHA256)
	unzipped := filepath.Join(dir, "unzipped")
	tool(t, "unzip", "-q", archive, "-d", unzipped)

	text, err := os.ReadFile(filepath.Join(unzipped, "manifest.json"))
	require.NoError(t, err)
	var manifest struct {
		Files []struct {
			Name, SHA256, Stream string
			Start, End           time.Time
			Recordings           []string
		}
	}
	require.NoError(t, json.Unmarshal(text, &manifest))
	require.Len(t, manifest.Files, 3)
	for _, f := range manifest.Files {
		require.Contains(t, tool(t, "sha256sum", filepath.Join(unzipped, f.Name)), f.SHA256)
	}
	for i, size := range [][2]int{{320, 180}, {640, 360}} {
		f := manifest.Files[i]
		require.Len(t, f.Recordings, 3)
		require.False(t, f.Start.Before(from))
		require.WithinDuration(t, from, f.Start, 60*time.Millisecond)
		require.WithinDuration(t, to, f.End, 60*time.Millisecond)
		file := filepath.Join(unzipped, f.Name)
		decodes(t, file)
		got := frameNumbers(t, file, size[0], size[1])
		whole(t, got)
		require.Equal(t, r.shown(f.Stream, size[0], size[1], from, to), got)
	}

	require.Contains(t, r.command("verify", "--key", done.Key.Public, archive), "unchanged")
	require.Contains(t, r.command("verify", unzipped), "unchanged")
	changed, err := os.ReadFile(archive)
	require.NoError(t, err)
	changed[len(changed)/2] ^= 1
	bad := filepath.Join(dir, "bad.zip")
	require.NoError(t, os.WriteFile(bad, changed, 0o600))
	program, err := staticBinary()
	require.NoError(t, err)
	out, complaint, err := run(t, program, "verify", bad)
	require.Error(t, err)
	require.Contains(t, out+complaint, "live_b.mp4 was changed")

	for _, url := range []string{"", "file://" + unzipped} {
		playsSideBySide(t, unzipped, url)
	}
}

// playsSideBySide opens the player of an archive that was unpacked, from a server or from the disk.
func playsSideBySide(t *testing.T, dir, url string) {
	t.Helper()
	v := watch(t, dir)
	if url == "" {
		url = v.url
	}
	url += "/player.html"
	require.NoError(t, chromedp.Do(v.ctx, chromedp.Navigate(url)))
	eventually(t, "the page is there", func() bool {
		ok, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("location.href === '"+url+"' && document.readyState === 'complete'"))
		return err == nil && ok
	})
	v.do(`window.v = views[0].video; views.length`)
	v.until(`views.length === 2 && views.every(v => v.video.readyState >= 3)`)
	require.Equal(t, "both doors", evaluate(v, `document.title`))
	v.do(`document.getElementById('play').click(); 0`)
	v.until(`views.every(v => !v.video.paused && v.video.currentTime > 1)`)
	v.do(`document.getElementById('play').click(); 0`)
	v.until(`views.every(v => v.video.paused && !v.video.seeking)`)
	v.do(`seek((first + last) / 2); 0`)
	v.until(`views.every(v => !v.video.seeking && Math.abs(v.video.currentTime - (last - first) / 2) < 0.2)`)
	v.do(`seek(last - 0.3); document.getElementById('play').click(); 0`)
	v.until(`!state.playing && state.at === last`)
}

func evaluate(v *viewer, script string) string {
	v.t.Helper()
	text, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](script))
	require.NoError(v.t, err)
	return text
}

// TestAnExportIsRequestedCancelledAndDeleted checks a single file, its ranges, the list, wrong requests, a cancelled export, and
// one that a kill interrupts.
func TestAnExportIsRequestedCancelledAndDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := launch(t, staticBinary, dir, twoCameras)
	from, to := r.recordedSpan(2)
	one := r.exportIs(r.export(span(`"live/a"`, from, to, `, "gaps": "cut"`)), "finished").Export
	require.Len(t, one.Files, 3)
	body := r.saved(one.Files[0].URL, filepath.Join(t.TempDir(), "x.mp4"))
	whole(t, frameNumbers(t, body, 320, 180))
	all, err := os.ReadFile(body)
	require.NoError(t, err)
	require.Equal(t, one.Files[0].SHA256, fmt.Sprintf("%x", sha256.Sum256(all)))
	resp, part := r.send("GET", one.Files[0].URL, "", "Range", "bytes=100-199")
	require.Equal(t, http.StatusPartialContent, resp.StatusCode)
	require.Equal(t, string(all[100:200]), part)
	require.Equal(t, "video/mp4", resp.Header.Get("Content-Type"))
	require.Contains(t, resp.Header.Get("Content-Disposition"), "attachment")
	resp, _ = r.send("GET", one.Files[0].URL, "", "Range", fmt.Sprintf("bytes=%d-", len(all)))
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, resp.StatusCode)
	for path, code := range map[string]int{
		"/mp4/export/" + one.ID + "/export.json": 404, "/mp4/export/" + one.ID + "/..": 400, "/mp4/export/x": 404, "/mp4/export?cursor=" + strings.Repeat("x", 5000): 400,
	} {
		got, text := r.ask("GET", path)
		require.Equal(t, code, got, "%s: %s", path, text)
	}
	for body, want := range map[string]string{
		span(`"live/none"`, from, to, ""):                                    "404 stream live/none: no footage of that time",
		span(`"live/a"`, to, from, ""):                                       "400 end",
		span(`"live/a"`, from, time.Now().Add(time.Hour), ""):                "400 end",
		span(`"live/a"`, from, to, `, "name": "../x"`):                       "400 name",
		span(`"live/a"`, from, to, `, "format": "avi"`):                      "400 format",
		span(``, from, to, ""):                                               "400 streams",
		span(`"live/a"`, from.Add(-9*time.Hour), from.Add(-8*time.Hour), ""): "404 stream live/a",
	} {
		resp, text := r.send("POST", "/mp4/export", body, "Content-Type", "application/json")
		var e struct{ Error string }
		require.NoError(t, json.Unmarshal([]byte(text), &e))
		require.True(t, strings.HasPrefix(fmt.Sprintf("%d %s", resp.StatusCode, e.Error), want), "%s: %d %s", body, resp.StatusCode, text)
	}
	require.Equal(t, 0, r.signal(syscall.SIGINT))

	slow := []string{"--set", "exports/max_bytes_per_second=64KiB"}
	r = launch(t, staticBinary, dir, twoCameras, slow...)
	list := answer[struct{ Exports []exported }](r, "GET", "/mp4/export").Exports
	require.Equal(t, []exported{one}, list, "the next run lists it")
	running := r.exportIs(r.export(span(`"live/b"`, from, to, `, "name": "slow"`)), "running").Export
	waiting := r.export(span(`"live/a"`, from, to, ""))
	for _, e := range []exported{waiting, running} {
		require.Equal(t, "cancelled", answer[struct{ Status string }](r, "DELETE", e.URL).Status)
		code, _ := r.ask("GET", e.URL)
		require.Equal(t, 404, code)
	}
	require.Equal(t, []string{one.ID}, r.exportDirectories())

	r.exportIs(r.export(span(`"live/b"`, from, to, "")), "running")
	eventually(t, "it has begun to write", func() bool { return len(r.exportDirectories()) == 2 })
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	require.Len(t, r.exportDirectories(), 2)
	r = launch(t, staticBinary, dir, twoCameras)
	r.await("removed what a crash left of an export")
	require.Equal(t, []string{one.ID}, r.exportDirectories())
	require.Equal(t, "deleted", answer[struct{ Status string }](r, "DELETE", one.URL).Status)
	require.Empty(t, r.exportDirectories())
	again := r.exportIs(r.export(span(`"live/a"`, from, to, `, "gaps": "cut"`)), "finished").Export
	require.Equal(t, one.Files[0].SHA256, again.Files[0].SHA256, "the same span has the same bytes")
}

// TestAnExportGoesOnWhileItsLastFileIsFinished: the file that grows when the export begins has another name when it is read.
func TestAnExportGoesOnWhileItsLastFileIsFinished(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, `
streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=50&bitrate=8M"}}
exports: {max_bytes_per_second: 256KiB}
pipelines:
  default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {max_duration: 4}, mp4: {}, metadata: {}]}
`)
	eventually(t, "a second file grows", func() bool { return len(r.records("live/a")) == 2 && r.status("live/a").AccessUnits > 100 })
	recs := r.records("live/a")
	e := r.exportIs(r.export(span(`"live/a"`, recs[0].Start, recs[1].Start.Add(time.Second), "")), "running").Export
	r.stop("live/a")
	require.Equal(t, "running", answer[exportReply](r, "GET", e.URL).Export.State, "it has not come to the second file")
	done := r.exportIs(e, "finished").Export
	file := r.saved(done.Files[0].URL, filepath.Join(t.TempDir(), "x.mp4"))
	decodes(t, file)
	whole(t, frameNumbers(t, file, 320, 180))
}

func (r *recorder) exportDirectories() (names []string) {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.files, ".spool-exports"))
	require.NoError(r.t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestAnExportNeverFillsTheDisk: it is refused if it does not fit, also beside the space that retention keeps free, and recordings
// go on.
func TestAnExportNeverFillsTheDisk(t *testing.T) {
	t.Parallel()
	dir, home := memoryDisk(t, "60m"), t.TempDir()
	r := launch(t, staticBinary, home, twoCameras, "--record-path", dir)
	r.files = dir
	from, to := r.recordedSpan(2)
	filler := filepath.Join(dir, "filler")
	dbtest.Fill(t, filler)
	info, err := os.Stat(filler)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filler, info.Size()-2<<20)) // less than a twentieth of the disk is free
	r.expect("request not served", "disk is full")
	resp, text := r.send("POST", "/mp4/export", span(`"live/a", "live/b"`, from, to, ""), "Content-Type", "application/json")
	require.Equal(t, http.StatusInsufficientStorage, resp.StatusCode, text)
	require.Contains(t, text, "the disk has room for 0")
	require.NoError(t, os.Remove(filler))
	r.exportIs(r.export(span(`"live/a", "live/b"`, from, to, "")), "finished")
	require.Equal(t, 0, r.signal(syscall.SIGINT))

	require.NoError(t, os.WriteFile(filler, make([]byte, 10<<20), 0o600))
	r = launch(t, staticBinary, home, twoCameras, "--record-path", dir, "--set", "retention/min_free_bytes=55MiB", "--set", "retention/keep_at_least=24h")
	r.files = dir
	r.expect("request not served", "retention", "room", "stopped")
	resp, text = r.send("POST", "/mp4/export", span(`"live/a"`, from, to, ""), "Content-Type", "application/json")
	require.Equal(t, http.StatusInsufficientStorage, resp.StatusCode, text)
}

// TestFootageIsExportedFromTheCommandLine exports by the API and from the files, with the same bytes.
func TestFootageIsExportedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, twoCameras)
	from, to := r.recordedSpan(2)
	at := []string{"--start", from.Format(time.RFC3339Nano), "--end", to.Format(time.RFC3339Nano), "--name", "x"}
	read := func(dir, name string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return text
	}
	byAPI, direct := t.TempDir(), t.TempDir()
	args := append([]string{"export", "--stream", "live/a"}, at...)
	require.Contains(t, r.command(append(args, "--api", r.api, "-o", byAPI)...), "x.mp4")
	require.Empty(t, r.exportDirectories(), "what was fetched is deleted")
	require.Contains(t, r.command(append(args, "-o", direct)...), "x.mp4")
	require.True(t, bytes.Equal(read(byAPI, "x.mp4"), read(direct, "x.mp4")))
	require.Contains(t, r.command("verify", byAPI), "unchanged")
	require.Contains(t, r.command("verify", direct), "unchanged")

	both := append(append([]string{"export", "--stream", "live/a", "--stream", "live/b"}, at...), "-o", direct)
	require.Contains(t, r.command(both...), "x.zip")
	require.Contains(t, r.command("verify", filepath.Join(direct, "x.zip")), "unchanged")
	fragments := t.TempDir()
	r.command(append(args, "-o", fragments, "--format", "fmp4")...)
	decodes(t, filepath.Join(fragments, "x.mp4"))
	require.Contains(t, boxes(t, filepath.Join(fragments, "x.mp4")), "moof")
	want, got := frameNumbers(t, filepath.Join(direct, "x.mp4"), 320, 180), frameNumbers(t, filepath.Join(fragments, "x.mp4"), 320, 180)
	require.Equal(t, want, got[len(got)-len(want):], "ffmpeg shows what the edit list of fragments hides, too")
	transport := t.TempDir()
	require.Contains(t, r.command(append(args, "-o", transport, "--format", "ts")...), "x.ts")
	got = frameNumbers(t, filepath.Join(transport, "x.ts"), 320, 180)
	require.Equal(t, want, got[len(got)-len(want):], "a transport stream begins with a key frame")
	require.Contains(t, r.command("verify", transport), "unchanged")
	remote := t.TempDir()
	r.command(append(args, "-o", remote, "--format", "ts", "--api", r.api)...)
	require.True(t, bytes.Equal(read(transport, "x.ts"), read(remote, "x.ts")))
	require.NotContains(t, string(read(transport, "x.manifest.json")), "left_out")
	program, err := staticBinary()
	require.NoError(t, err)
	for want, args := range map[string][]string{
		"exists already":             append(both, "--record-path", r.files),
		"no footage":                 append([]string{"export", "--stream", "none", "--record-path", r.files, "-o", t.TempDir()}, at...),
		"no footage of that time":    append([]string{"export", "--stream", "none", "--api", r.api, "-o", t.TempDir()}, at...),
		"connection refused":         append([]string{"export", "--stream", "none", "--api", "http://127.0.0.1:1", "-o", t.TempDir()}, at...),
		"has neither a manifest nor": {"verify", t.TempDir()},
		"not a public Ed25519 key":   {"verify", "--key", "x", direct},
	} {
		_, complaint, err := run(t, program, args...)
		require.Error(t, err, want)
		require.Contains(t, complaint, want)
	}
	entries, err := os.ReadDir(direct)
	require.NoError(t, err)
	require.Len(t, entries, 4, "nothing else is left")
}
