package hls

import (
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/stretchr/testify/require"
)

// gohlslib's client reads each picture and each piece of sound of a playlist.
func TestGohlslibReadsAPlaylist(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	file := film(t, look{size: "320x180", seconds: 6, gop: 25})
	s.add(file, 0)
	var mu sync.Mutex
	counts := map[string]int{}
	c := &gohlslib.Client{URI: s.url, StartDistance: 100}
	count := func(kind string) {
		mu.Lock()
		defer mu.Unlock()
		counts[kind]++
	}
	c.OnTracks = func(tracks []*gohlslib.Track) error {
		for _, track := range tracks {
			switch track.Codec.(type) {
			case *codecs.H264:
				c.OnDataH26x(track, func(int64, int64, [][]byte) { count("v") })
			case *codecs.MPEG4Audio:
				c.OnDataMPEG4Audio(track, func(int64, [][]byte) { count("a") })
			}
		}
		return nil
	}
	require.NoError(t, c.Start())
	defer c.Close()
	select {
	case err := <-c.Wait():
		require.ErrorIs(t, err, gohlslib.ErrClientEOS)
	case <-time.After(patience):
		require.Fail(t, "the client does not end")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, len(packets(t, file, "v")), counts["v"])
	require.InDelta(t, len(packets(t, file, "a")), counts["a"], 1, "the client leaves out sound from before the first picture")
}
