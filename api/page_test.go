package api

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/stretchr/testify/require"
)

// browser is a page in a real Chromium, and the errors of its console.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	_, err := exec.LookPath("chromium")
	require.NoError(t, err, "chromium is not installed: make test installs it")
	alloc, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1200, 900), chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("autoplay-policy", "no-user-gesture-required"))...)
	ctx, cancel := chromedp.NewContext(alloc)
	ctx, expire := context.WithTimeout(ctx, 5*patience)
	t.Cleanup(func() { expire(); cancel(); stop() })
	b := &browser{t: t, ctx: ctx}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	messages, heard := chromedp.Console(ctx), make(chan struct{})
	go func() {
		defer close(heard)
		for m, err := range messages {
			if err != nil {
				return
			}
			b.hear(m)
		}
	}()
	t.Cleanup(func() { cancel(); <-heard })
	return b
}

// hear notes errors: of scripts, of the network, of the content policy.
func (b *browser) hear(m chromedp.ConsoleMessage) {
	if !m.IsException() && m.Type != "error" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, m.Text+" "+m.URL)
}

func (b *browser) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.complaints...)
}

// open waits for the new document: Navigate alone may take the last events of the
// one before for it.
func (b *browser) open(url string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.Navigate(url)))
	b.until("location.href === '" + url + "' && document.readyState === 'complete'")
}

// until waits for a condition of the page. A condition that cannot be evaluated yet, because an element is missing,
// counts as false.
func (b *browser) until(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-ctx.Done():
			require.Fail(b.t, "the page does not get there", "%s\n%v\n%s", condition, err, b.text())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b *browser) eval(script string) bool {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script))
	require.NoError(b.t, err, script)
	return v
}

func (b *browser) click(selector string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector))), selector)
}

func (b *browser) text() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	return text
}

// shot keeps a picture where SPOOL_SHOTS names a directory.
func (b *browser) shot(name string) {
	dir := os.Getenv("SPOOL_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

// film makes real footage, four seconds of it.
func film(t *testing.T, out string, args ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(out), 0o755))
	full := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=4", "-f", "lavfi", "-i", "sine=d=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac"}, args...)
	msg, err := exec.Command("ffmpeg", append(full, "-f", "mp4", out)...).CombinedOutput()
	require.NoError(t, err, "ffmpeg: %s (make test installs it)", msg)
}

// studio is a fixture with two streams and real footage, one of it growing.
func studio(t *testing.T) *fixture {
	w := newFixture(t)
	film(t, filepath.Join(w.dir, "live/camera01/one.mp4"), "-movflags", "+faststart")
	film(t, filepath.Join(w.dir, "live/camera01/two.mp4.part"), "-movflags", "frag_keyframe+empty_moov+default_base_moof")
	now := time.Now().Truncate(time.Second)
	tracks := []media.TrackInfo{{Kind: "video", Codec: "h264", Width: 320, Height: 180}, {Kind: "audio", Codec: "aac", SampleRate: 44100, Channels: 1}}
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(w.dir, name))
		require.NoError(t, err)
		return info.Size()
	}
	w.growing["live/camera01/two.mp4"] = size("live/camera01/two.mp4.part")
	add := func(stream, path string, age time.Duration, state media.State, end media.Cause) {
		at := now.Add(-age)
		w.records = append(w.records, media.Record{Recording: media.Recording{ID: media.NewID(at), Stream: stream, Path: path, State: state,
			StartUTC: at.UnixNano(), EndUTC: at.Add(4 * time.Second).UnixNano(), DurationNS: 4e9, EndReason: end, Tracks: tracks, SizeBytes: 1_234_567}})
	}
	add("live/camera01", "live/camera01/one.mp4", time.Hour, media.StateFinished, endcause.Stop)
	add("live/camera01", "live/camera01/two.mp4", time.Minute, media.StateRecording, "")
	add("yard/gate", "yard/gate/broken.mp4", 2*time.Hour, media.StateRecovered, endcause.Crash)
	add("yard/gate", "yard/gate/gone.mp4", 3*time.Hour, media.StateLost, endcause.Error)
	w.put("yard/gate/broken.mp4", []byte("this is no film"))
	w.list = []media.StreamInfo{
		{Path: "live/camera01", State: "live", Origin: "rtsp 127.0.0.1:50112", Tracks: tracks, Unrecorded: []string{"opus"}, Bytes: 52_428_800},
		{Path: "yard/gate", State: "connecting", Configured: true, Pull: "rtsp://10.0.0.5/stream1", LastError: "dial tcp 10.0.0.5:554: connection refused"},
	}
	w.problems = map[string][]pipeline.Problem{"live/camera01": {{Problem: "nothing_kept", Cause: "aac: nothing comes", Remedy: "switch it on"}}}
	w.status["live/camera01"] = recorder.StreamStatus{Report: pipeline.Report{Recording: true, StartedAt: now.Add(-time.Minute), Bytes: 9_876_543,
		Drops: []pipeline.Drop{{Stage: "gop_ring", Cause: "overload", AccessUnits: 50}}}}
	w.live = map[string]bool{"live/camera01": true, "yard/gate": false}
	return w
}

func TestPageRecordsPlaysAndDeletes(t *testing.T) {
	w := studio(t)
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/")
	b.until(`document.querySelectorAll('#streams .card').length === 2 && document.querySelectorAll('#records tr').length === 4`)
	b.until(`document.querySelector('#link').textContent === 'connected'`)
	b.shot("page")

	b.click(`#streams .card:nth-child(1) [data-act]`)
	b.until(`document.querySelector('#streams .card [data-act]').textContent === 'Stop'`)
	b.until(`/^recording \d\d:\d\d · 9\.4 MiB$/.test(document.querySelector('#streams .card [data-rec]').textContent)`)
	b.shot("recording")
	b.click(`#streams .card:nth-child(1) [data-act]`)
	b.until(`document.querySelector('#streams .card [data-act]').textContent === 'Record'`)
	b.click(`#streams .card:nth-child(2) [data-act]`)
	b.until(`document.querySelector('#streams .card:nth-child(2) [data-act]').textContent === 'Stop'`)
	require.True(t, w.options("yard/gate").Wait, "a stream that is not live is armed")

	for row, name := range map[string]string{"1": "growing", "2": "finished"} {
		b.click(`#records tr:nth-child(` + row + `) [data-play]`)
		b.until(`document.querySelector('#video').currentTime > 1`)
		b.until(`Math.abs(document.querySelector('#video').duration - 4) < 0.2`)
		// It may have come to its end meanwhile, and does not go on by itself then.
		require.True(t, b.eval(`(() => { const v = document.querySelector('#video'); v.currentTime = 3; v.play(); return true; })()`))
		b.until(`document.querySelector('#video').ended`)
		b.shot("player-" + name)
		b.click(`#player-close`)
	}

	b.click(`#records tr:nth-child(2) [data-protect]`)
	b.until(`document.querySelector('#records tr:nth-child(2) [data-delete]').disabled`)
	b.click(`#records tr:nth-child(2) [data-protect]`)
	b.until(`!document.querySelector('#records tr:nth-child(2) [data-delete]').disabled`)
	b.click(`#records tr:nth-child(2) [data-delete]`)
	b.until(`document.querySelector('#confirm').open`)
	b.shot("confirm")
	b.click(`#confirm-no`)
	b.until(`!document.querySelector('#confirm').open`)
	require.Equal(t, 4, w.count())
	b.click(`#records tr:nth-child(2) [data-delete]`)
	b.click(`#confirm-yes`)
	b.until(`document.querySelectorAll('#records tr').length === 3`)
	require.NoFileExists(t, filepath.Join(w.dir, "live/camera01/one.mp4"))

	w.mu.Lock()
	theirs := w.records[0]
	theirs.ID, theirs.Node, theirs.Elsewhere, theirs.Protected = media.NewID(time.Now()), "back", true, false
	w.records = append(w.records, theirs)
	w.mu.Unlock()
	row := `[...document.querySelectorAll('#records tr')].find((r) => r.textContent.includes('recorded by back: ask it'))`
	b.until(row + ` !== undefined`)
	require.True(t, b.eval(`['play', 'download', 'protect', 'delete'].every((a) => `+row+`.querySelector('[data-' + a + ']').hidden)`))
	require.Empty(t, b.heard(), "errors in the console")
}

func TestPageShowsProblems(t *testing.T) {
	w := studio(t)
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/")
	b.until(`document.querySelectorAll('#records tr').length === 4`)
	b.until(`document.querySelector('#streams .card:nth-child(2) [data-problem]').textContent.includes('connection refused')`)

	b.until(`document.querySelector('#streams .card:nth-child(1) [data-unrecorded]').textContent === 'opus is not recorded'`)
	b.until(`document.querySelector('#streams .card:nth-child(1) [data-problem]').textContent.includes('aac: nothing comes – switch it on')`)
	require.True(t, b.eval(`document.querySelector('#streams .card:nth-child(2) [data-unrecorded]').hidden`))

	b.click(`#records tr:nth-child(3) [data-play]`)
	b.until(`document.querySelector('#player-note').textContent.includes('cannot play')`)
	b.shot("unplayable")
	b.click(`#player-close`)

	w.mu.Lock()
	w.degraded = true
	w.mu.Unlock()
	b.until(`!document.querySelector('#degraded').hidden`)
	w.mu.Lock()
	w.broken = Unavailable("the catalogue is being rebuilt")
	w.mu.Unlock()
	b.until(`document.querySelector('#alert-text').textContent === 'the catalogue is being rebuilt'`)
	b.shot("trouble")
	w.mu.Lock()
	w.broken, w.records, w.list, w.degraded = nil, nil, nil, false
	w.mu.Unlock()
	b.until(`!document.querySelector('#records-empty').hidden && !document.querySelector('#streams-empty').hidden`)
	b.until(`document.querySelector('#alert').hidden`)
	b.shot("empty")
	for _, c := range b.heard() {
		require.False(t, strings.Contains(c, "Content Security Policy"), c)
	}
}

func (w *fixture) options(stream string) recorder.StartOptions {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.recording[stream]
}

func (w *fixture) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.records)
}
