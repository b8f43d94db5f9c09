package api

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/pipeline/media"
)

// Nothing of the page is wider than a phone, whatever the time of day: a mark of the axis near an edge, too.
func TestPageFitsAPhone(t *testing.T) {
	w := studio(t)
	w.records[0].Stream = "a/very/long/path/of/a/camera/that/nobody/would/shorten/front-door-and-garage"
	w.list[1].Path = w.records[0].Stream
	_, addr := w.run()
	b := newBrowser(t)
	require.NoError(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(360, 740)))
	b.open("http://" + addr + "/#21600")
	b.until(`document.querySelectorAll('#records tr').length === 4 && document.querySelectorAll('#streams .card').length === 2 && document.querySelector('#timeline .bar-of')`)
	for _, minute := range []int{0, 1, 5, 30, 59} {
		b.drawTimelineAt(minute)
		b.shot(fmt.Sprintf("phone-%02d", minute))
		b.until(`document.documentElement.scrollWidth <= 360 && window.innerWidth === 360`)
		b.until(axisIsReadable)
	}
	require.Empty(t, b.heard(), "errors in the console")
}

// axisIsReadable: the axis has two marks or more, none lies over another or sticks out of the axis.
const axisIsReadable = `(() => {
	const axis = document.querySelector('.axis').getBoundingClientRect();
	const marks = [...document.querySelectorAll('.mark')].map((m) => m.getBoundingClientRect());
	return marks.length >= 2 && marks.every((m, i) => m.left >= axis.left && m.right <= axis.right && (!i || m.left > marks[i - 1].right));
})()`

// drawTimelineAt sets the page's clock back to a minute of the hour, and waits until the timeline is drawn by it.
func (b *browser) drawTimelineAt(minute int) {
	b.t.Helper()
	require.True(b.t, b.eval(fmt.Sprintf(`(() => {
		window.clock ??= Date.now;
		const back = (Math.floor(clock() / 60_000) %% 60 + 60 - %d) %% 60;
		Date.now = () => clock() - back * 60_000;
		document.querySelector('.axis').dataset.old = true;
		document.querySelector('#timeline-now').click();
		return true;
	})()`, minute)))
	b.until(`!document.querySelector('.axis').dataset.old`)
}

// On a screen from a tablet upwards each button of the table is visible without scrolling sideways.
func TestPageShowsEveryButtonOfTheTable(t *testing.T) {
	w := studio(t)
	w.records[0].Stream = "a/very/long/path/of/a/camera/that/nobody/would/shorten/front-door-and-garage"
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/#600")
	b.until(`document.querySelectorAll('#records tr').length === 4`)
	for _, width := range []int64{800, 1000, 1300, 1600, 2200} {
		require.NoError(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)))
		b.until(fmt.Sprintf(`window.innerWidth === %d`, width))
		b.drawTimelineAt(0)
		b.shot(fmt.Sprintf("wide-%d", width))
		b.until(`[...document.querySelectorAll('#records button.danger')].every((el) => el.getBoundingClientRect().right <= document.querySelector('.scroll').getBoundingClientRect().right)`)
		b.until(axisIsReadable)
	}
	require.Empty(t, b.heard(), "errors in the console")
}

// A proxy may put the page below a path of its own: the page requests nothing from the root.
func TestPageBelowAPathOfAProxy(t *testing.T) {
	w := studio(t)
	_, ours := w.run()
	host, port, _ := net.SplitHostPort(ours)
	at := runNginx(t, fmt.Sprintf("location /cams/ { proxy_pass http://%s:%s/; } location / { return 404; }", host, port))
	b := newBrowser(t)
	b.open("http://" + at + "/cams/")
	b.until(`document.querySelectorAll('#records tr').length === 4 && document.querySelector('#link').textContent === 'connected'`)
	b.click(`#records tr:nth-child(2) [data-play]`)
	b.until(`document.querySelector('#video').currentTime > 1`)
	require.True(t, b.eval(`document.querySelector('#records [data-download]').href.includes('/cams/mp4/vod/')`))
	require.Empty(t, b.heard(), "errors in the console")
}

// The page shows a user only the buttons that his role allows.
func TestPageShowsAllowedButtons(t *testing.T) {
	const controlToken = "control-0123456789abcdef"
	w := studio(t)
	_, ours := w.run(func(c *Config, d *Deps) {
		d.Seen = remembered{"away": true}
		c.Auth.Tokens = []auth.Token{
			{Token: viewToken, Roles: []auth.Role{auth.View}}, {Token: controlToken, Roles: []auth.Role{auth.Control}}, {Token: adminToken, Roles: []auth.Role{auth.Admin}},
		}
	})
	b := newBrowser(t)
	for _, user := range []struct{ token, buttons string }{
		{viewToken, "play"}, {controlToken, "act,play,protect"}, {adminToken, "act,forget,play,protect,delete"},
	} {
		at := runNginx(t, fmt.Sprintf(`location / { proxy_pass http://%s; proxy_set_header Authorization "Bearer %s"; }`, ours, user.token))
		b.open("http://" + at + "/")
		b.until(`document.querySelectorAll('#records tr').length === 4 && document.querySelectorAll('#streams .card').length === 3`)
		b.until(`['act', 'forget', 'play', 'protect', 'delete'].filter((a) => [...document.querySelectorAll('#streams button, #records button')].some((el) => a in el.dataset && !el.hidden)).join() === '` + user.buttons + `'`)
	}
	b.click(`[data-forget]:not([hidden])`)
	require.Empty(t, b.heard(), "errors in the console")
}

// The focus stays where it is through each refresh, each new entry and each action.
func TestPageKeepsTheFocus(t *testing.T) {
	w := studio(t)
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/")
	b.until(`document.querySelectorAll('#records tr').length === 4 && document.querySelector('#timeline .bar-of')`)
	require.True(t, b.eval(`(() => { window.one = document.querySelector('#records tr:nth-child(3) [data-protect]'); one.focus(); one.click(); return true; })()`))
	b.until(`one.ariaPressed === 'true' && document.activeElement === one`)
	w.mu.Lock()
	newest := w.records[1]
	newest.ID, newest.StartUTC = media.NewID(time.Now()), time.Now().UnixNano()
	w.records = append(w.records, newest)
	w.list[0], w.list[1] = w.list[1], w.list[0]
	w.mu.Unlock()
	b.until(`document.querySelectorAll('#records tr').length === 5 && document.activeElement === one`)
	require.True(t, b.eval(`(() => { document.querySelector('#timeline .bar-of').focus(); window.bar = document.activeElement; window.key = bar.dataset.rec; return !!key; })()`))
	b.until(`!bar.isConnected && document.activeElement.dataset.rec === key`)
	require.Empty(t, b.heard(), "errors in the console")
}

// The page also plays footage that a recording has got since it was opened.
func TestPagePlaysAGrowingRecordingOn(t *testing.T) {
	w := studio(t)
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/")
	b.until(`document.querySelectorAll('#records tr').length === 4`)
	b.click(`#records tr:nth-child(1) [data-play]`)
	b.until(`document.querySelector('#video').ended`)
	longer := filepath.Join(t.TempDir(), "longer.mp4")
	film(t, longer, "-filter_complex", "testsrc=s=320x180:r=25:d=8[v]", "-map", "[v]", "-movflags", "frag_keyframe+empty_moov+default_base_moof")
	data, err := os.ReadFile(longer)
	require.NoError(t, err)
	w.put("live/camera01/two.mp4.part", data)
	w.mu.Lock()
	w.growing["live/camera01/two.mp4"] = int64(len(data))
	w.records[1].DurationNS = 8e9
	w.mu.Unlock()
	b.until(`document.querySelector('#video').currentTime > 5`)
	require.Empty(t, b.heard(), "errors in the console")
}

// A browser without an H.265 decoder reports that, and no broken recording.
func TestPageReportsAMissingHEVCDecoder(t *testing.T) {
	w := studio(t)
	require.NoError(t, os.Remove(filepath.Join(w.dir, "live/camera01/one.mp4")))
	film(t, filepath.Join(w.dir, "live/camera01/one.mp4"), "-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1", "-movflags", "+faststart")
	w.records[0].Tracks = []media.TrackInfo{{Kind: "video", Codec: "h265", Width: 320, Height: 180}}
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/")
	b.until(`document.querySelectorAll('#records tr').length === 4`)
	b.click(`#records tr:nth-child(2) [data-play]`)
	b.until(`document.querySelector('#player-note').textContent.includes('cannot decode H.265')`)
}

// However many recordings a span has, the page draws all of them, with each gap and its cause.
func TestPageDrawsMoreRecordingsThanOnePageHas(t *testing.T) {
	w := studio(t)
	now := time.Now()
	w.records = nil
	for i := range 3000 {
		at := now.Add(-time.Duration(3000-i) * 6 * time.Second)
		r := media.Record{Recording: media.Recording{ID: media.NewID(at), Stream: "live/camera01", Path: fmt.Sprintf("x%d.mp4", i), State: media.StateFinished,
			StartUTC: at.UnixNano(), EndUTC: at.Add(6 * time.Second).UnixNano()}}
		if i == 1500 {
			r.StartUTC += 5e9
			r.Gap = media.Gap{Cause: media.GapStall, DurationNS: 11e9}
			w.records[i-1].EndUTC -= 6e9
		}
		w.records = append(w.records, r)
	}
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/#21600")
	b.until(`document.querySelectorAll('#timeline .bar-of').length === 2`)
	require.True(t, b.eval(`document.querySelector('#timeline .gap-of').title === 'stall: 11 s are missing' && !document.querySelector('#legend').hidden && document.querySelector('#timeline-note').textContent === ''`))
	require.True(t, b.eval(`parseFloat(document.querySelector('#timeline .bar-of').style.left) < 20`), "five hours of the six")
	require.Empty(t, b.heard(), "errors in the console")
}
