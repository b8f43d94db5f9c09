package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// viewer is a headless Chromium that plays the files of a directory from a server that supports
// range requests.
type viewer struct {
	t      *testing.T
	ctx    context.Context
	url    string
	dir    string
	opened int // number of pages
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
	ctx, expire := context.WithTimeout(ctx, 5*patience)
	t.Cleanup(func() { expire(); cancel(); stop() })
	return &viewer{t: t, ctx: ctx, url: server.URL, dir: dir}
}

// plays plays a file from the beginning and then from its middle. Its duration in seconds must
// be right within a frame.
func (v *viewer) plays(name string, seconds float64) {
	v.t.Helper()
	v.open()
	v.do(`window.v = document.querySelector('#v'); v.src = '` + name + `'; v.playbackRate = 4; v.play(); 0`)
	v.until(`v.ended`)
	v.until(fmt.Sprintf(`Math.abs(v.duration - %f) <= 0.04`, seconds))
	v.until(fmt.Sprintf(`v.currentTime > %f`, seconds-0.1))
	v.do(`window.seeked = false; v.onseeked = () => { seeked = true }; v.currentTime = v.duration / 2; 0`)
	v.until(`seeked && Math.abs(v.currentTime - v.duration/2) < 0.1`)
	v.do(`v.play(); 0`)
	v.until(`v.ended`)
}

// open waits for the new document, which has an address of its own: Navigate alone may mistake
// the last events of the previous document for those of the new one.
func (v *viewer) open() {
	v.t.Helper()
	v.opened++
	url := fmt.Sprintf("%s/?%d", v.url, v.opened)
	require.NoError(v.t, chromedp.Do(v.ctx, chromedp.Navigate(url)))
	eventually(v.t, "the page is there", func() bool {
		ok, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("location.href === '"+url+"' && document.readyState === 'complete'"))
		return err == nil && ok
	})
}

func (v *viewer) do(script string) {
	v.t.Helper()
	_, err := chromedp.Run(v.ctx, chromedp.Evaluate[float64](script))
	require.NoError(v.t, err, script)
}

// until waits until a condition holds or the video element reports an error.
func (v *viewer) until(condition string) {
	v.t.Helper()
	_, err := chromedp.Run(v.ctx, chromedp.Poll[bool]("window.v && v.error || "+condition, chromedp.WithPollingTimeout(patience)))
	state, _ := chromedp.Run(v.ctx, chromedp.Evaluate[string](
		"`error ${v.error && v.error.message}, at ${v.currentTime} of ${v.duration}, ready ${v.readyState}`"))
	require.NoError(v.t, err, "%s: %s", condition, state)
	require.Contains(v.t, state, "error null", condition)
}

// seeks seeks to count random frames of a file, from number first on at 25 a second, and
// requires the numbers that the strip along the top of each frame shows.
func (v *viewer) seeks(name string, first uint32, count, times int) {
	v.t.Helper()
	v.open()
	v.do(`window.v = document.querySelector('#v'); v.src = '` + name + `';
	window.number = () => {
		const c = document.createElement('canvas'), g = c.getContext('2d'), cell = Math.floor(v.videoWidth / 160) * 4;
		[c.width, c.height] = [v.videoWidth, v.videoHeight];
		g.drawImage(v, 0, 0);
		let n = 0;
		for (let i = 0; i < 32; i++) n = n * 2 + (g.getImageData(i * cell + cell / 2, cell / 2, 1, 1).data[0] > 128);
		return n;
	}; 0`)
	v.until(`v.readyState >= 2`)
	begin, err := strconv.ParseFloat(strings.TrimSpace(tool(v.t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=start_time",
		"-of", "csv=p=0", filepath.Join(v.dir, name))), 64)
	require.NoError(v.t, err)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range times {
		n := rnd.IntN(count)
		v.do(fmt.Sprintf(`window.seeked = false; v.onseeked = () => { seeked = true }; v.currentTime = %f; 0`, begin+(float64(n)+0.5)/25))
		v.until(fmt.Sprintf(`seeked && number() === %d`, first+uint32(n)))
	}
}

// TestBrowserFindsThePictureItSeeks checks that the frame number matches the requested time, in
// files of both modes, wherever the key frames are.
func TestBrowserFindsThePictureItSeeks(t *testing.T) {
	t.Parallel()
	program, err := staticBinary()
	require.NoError(t, err)
	dir := t.TempDir()
	v := watch(t, dir)
	for gop, times := range map[int]int{12: 20, 100: 20, 750: 6} {
		in := numbered(t, gop, min(gop/25+12, 34))
		pictures := frames(t, in)
		for mode, args := range map[string][]string{"ordinary": nil, "fragmented": {"--fragment"}} {
			name := fmt.Sprintf("%s_%d.mp4", mode, gop)
			tool(t, program, append(append([]string{"remux"}, args...), in, filepath.Join(dir, name))...)
			v.seeks(name, 0, pictures, times)
		}
	}
}

// numbered makes a clip with B-frames and audio whose frames show their numbers, like those of
// the test pattern.
func numbered(t *testing.T, gop, seconds int) string {
	t.Helper()
	pictures := fmt.Sprintf("testsrc2=size=320x180:rate=25:duration=%d,drawbox=w=320:h=8:color=black:t=fill", seconds)
	for bit := range 10 {
		pictures += fmt.Sprintf(",drawbox=x=%d:w=8:h=8:color=white:t=fill:enable='mod(floor(n/%d),2)'", (31-bit)*8, 1<<bit)
	}
	g := strconv.Itoa(gop)
	return clip(t, "numbered_"+g+".mp4", "-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", fmt.Sprintf("sine=duration=%d", seconds),
		"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", g, "-keyint_min", g, "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac")
}
