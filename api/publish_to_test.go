package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page shows the address by which it was reached, unless the ingest listens on another address only.
func TestPageShowsThePublishAddress(t *testing.T) {
	w := newFixture(t)
	w.live = nil
	var to []PublishAddress
	_, addr := w.run(func(_ *Config, d *Deps) { d.PublishTo = func() []PublishAddress { return to } })
	_, port, _ := strings.Cut(addr, ":")
	b := newBrowser(t)
	for _, c := range []struct {
		to   []PublishAddress
		host string
		want string
	}{
		{[]PublishAddress{{Scheme: "rtsp", Port: 9554}}, "127.0.0.1", "rtsp://127.0.0.1:9554/live/mine"},
		{[]PublishAddress{{Scheme: "rtsps", Port: 9322}}, "localhost", "rtsps://localhost:9322/live/mine"},
		{[]PublishAddress{{Scheme: "rtsp", Host: "192.0.2.7", Port: 554}}, "localhost", "rtsp://192.0.2.7:554/live/mine"},
		{nil, "127.0.0.1", ""},
	} {
		to = c.to
		b.open("http://" + c.host + ":" + port + "/")
		b.until(`!document.querySelector('#streams-empty').hidden && document.querySelector('#version').textContent`)
		require.Equal(t, c.want != "", b.eval(`!document.querySelector('#publish').hidden`), c.want)
		b.until(`document.querySelector('#publish-to').textContent === '` + c.want + `'`)
	}
	require.Empty(t, b.heard(), "errors in the console")
}
