package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// viewer is a headless Chromium that watches the files of a directory, from a
// server that knows ranges.
type viewer struct {
	t   *testing.T
	ctx context.Context
	url string
}

func watch(t *testing.T, dir string) *viewer {
	t.Helper()
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><video id="v" muted preload="auto"></video>`)
		default:
			if strings.HasSuffix(r.URL.Path, ".part") {
				w.Header().Set("Content-Type", "video/mp4")
			}
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("autoplay-policy", "no-user-gesture-required"))...)
	ctx, cancel := chromedp.NewContext(alloc)
	ctx, expire := context.WithTimeout(ctx, 2*patience)
	t.Cleanup(func() { expire(); cancel(); stop() })
	return &viewer{t, ctx, server.URL}
}

// plays plays a file from begin to end and then from its middle. Its duration, in
// seconds, has to be right within a frame.
func (v *viewer) plays(name string, seconds float64) {
	v.t.Helper()
	require.NoError(v.t, chromedp.Do(v.ctx, chromedp.Navigate(v.url+"/")))
	v.do(`window.v = document.querySelector('#v'); v.src = '` + name + `'; v.playbackRate = 4; v.play(); 0`)
	v.until(`v.ended`)
	v.until(fmt.Sprintf(`Math.abs(v.duration - %f) <= 0.04`, seconds))
	v.until(fmt.Sprintf(`v.currentTime > %f`, seconds-0.1))
	v.do(`window.seeked = false; v.onseeked = () => { seeked = true }; v.currentTime = v.duration / 2; 0`)
	v.until(`seeked && Math.abs(v.currentTime - v.duration/2) < 0.1`)
	v.do(`v.play(); 0`)
	v.until(`v.ended`)
}

func (v *viewer) do(script string) {
	v.t.Helper()
	_, err := chromedp.Run(v.ctx, chromedp.Evaluate[float64](script))
	require.NoError(v.t, err, script)
}

// until waits for a condition, or for the video element to give up.
func (v *viewer) until(condition string) {
	v.t.Helper()
	_, err := chromedp.Run(v.ctx, chromedp.Poll[bool]("window.v && v.error || "+condition, chromedp.WithPollingTimeout(patience)))
	state, _ := chromedp.Run(v.ctx, chromedp.Evaluate[string](
		"`error ${v.error && v.error.message}, at ${v.currentTime} of ${v.duration}, ready ${v.readyState}`"))
	require.NoError(v.t, err, "%s: %s", condition, state)
	require.Contains(v.t, state, "error null", condition)
}
