package api

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// The timeline has a row per stream and a bar per playable recording. A click plays from its moment, and a recording
// that follows without a gap is played next.
func TestPageTimeline(t *testing.T) {
	w := studio(t)
	film(t, filepath.Join(w.dir, "live/camera01/three.mp4"), "-movflags", "+faststart")
	one := &w.records[0]
	three := *one
	three.StartUTC, three.EndUTC = one.EndUTC, one.EndUTC+4e9
	three.ID, three.Path = media.NewID(time.Unix(0, three.StartUTC)), "live/camera01/three.mp4"
	three.Events = []media.Event{{ID: media.NewID(time.Now()), Name: "bell", AtUTC: three.StartUTC + 1e9}}
	w.records = append(w.records, three)
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/#600")

	b.until(`document.querySelectorAll('#timeline .bar-of').length === 1`)
	require.True(t, b.eval(`document.querySelector('#timeline .bar-of').classList.contains('recording')`), "only the growing one is of the last 10 minutes")
	b.click(`#timeline-spans [data-seconds="21600"]`)
	b.until(`document.querySelectorAll('#timeline .bar-of').length === 3`) // two touch, and the lost one has no footage
	require.True(t, b.eval(`[...document.querySelectorAll('#timeline .lane-name')].map((n) => n.textContent).join() === ',live/camera01,yard/gate'`))
	require.True(t, b.eval(`document.querySelector('#timeline .event-flag').title === 'Event bell'`))
	require.True(t, b.eval(`document.querySelectorAll('#timeline .axis .mark').length >= 5`))
	require.True(t, b.eval(`location.hash === '#21600'`), "the address keeps the span")
	b.shot("timeline")

	b.click(`#timeline-spans [data-seconds="600"]`)
	b.until(`document.querySelectorAll('#timeline .bar-of').length === 1`)
	for range 11 { // 55 minutes back, where the bars of an hour ago are in the middle
		b.click(`#timeline-back`)
	}
	// Each click is drawn by itself: at the edges bars are cut, and their left is not where they began.
	b.until(`document.querySelectorAll('#timeline .bar-of').length === 1 && document.querySelector('#timeline .bar-of[data-rec="` + one.ID.String() + `"]') &&
		[...document.querySelectorAll('#timeline .bar-of')].every((bar) => parseFloat(bar.style.left) > 5 && parseFloat(bar.style.left) < 95)`)
	require.True(t, b.eval(`document.querySelector('#timeline-now').getAttribute('aria-pressed') === 'false'`))
	// 2 s into the first one: 4 s are 1/150 of the line
	require.True(t, b.eval(`(() => {
		const v = document.querySelector('#video');
		window.seen = [];
		window.sought = [];
		const time = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'currentTime');
		Object.defineProperty(v, 'currentTime', {get: () => time.get.call(v), set: (to) => { sought.push(to); time.set.call(v, to); }});
		v.addEventListener('playing', () => seen.push(new URL(v.currentSrc).pathname.split('/').pop()));
		const bar = document.querySelector('#timeline .bar-of[data-rec="`+one.ID.String()+`"]');
		const x = bar.getBoundingClientRect().left + bar.parentElement.getBoundingClientRect().width * 2 / 600;
		bar.dispatchEvent(new PointerEvent('click', {clientX: x, detail: 1, bubbles: true}));
		return true;
	})()`))
	b.until(`seen.length > 0`)
	b.until(`seen.some((file) => file === 'three.mp4')`)
	require.True(t, b.eval(`seen[0] === 'one.mp4' && sought.length === 1 && Math.abs(sought[0] - 2) < 1.2`), b.text())
	b.until(`document.querySelector('#video').ended`)
	b.click(`#player-close`)

	b.click(`#timeline-now`)
	b.until(`document.querySelectorAll('#timeline .bar-of').length === 1`)
	b.open("about:blank")
	b.open("http://" + addr + "/#31536000") // a span that the page does not offer
	b.until(`document.querySelector('#timeline-spans [data-seconds="600"]').getAttribute('aria-pressed') === 'true'`)
	require.Empty(t, b.heard(), "errors in the console")
}

// A stream with more events than one answer holds is named beside the range.
func TestTimelineNamesStreamsWhoseEventsAreCut(t *testing.T) {
	w := studio(t)
	one := &w.records[0]
	for range 501 {
		one.Events = append(one.Events, media.Event{ID: media.NewID(time.Now()), Name: "bell", AtUTC: one.StartUTC + 1e9})
	}
	_, addr := w.run()
	b := newBrowser(t)
	b.open("http://" + addr + "/#21600")
	b.until(`document.querySelectorAll('#timeline .event-flag').length === 500`)
	require.True(t, b.eval(`document.querySelector('#timeline-note').textContent === 'Not all events of `+one.Stream+` are drawn: choose a shorter span.'`), b.text())
	b.click(`#timeline-spans [data-seconds="600"]`) // the recording is an hour old
	b.until(`document.querySelector('#timeline-note').textContent === ''`)
	require.Empty(t, b.heard(), "errors in the console")
}
