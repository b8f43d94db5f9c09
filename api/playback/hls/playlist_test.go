package hls

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/hls/hlscheck"
)

// checked checks the playlists of a shelf.
func checked(t testing.TB, s *shelf) *hlscheck.Playlist {
	t.Helper()
	p, err := hlscheck.Check(t.Context(), http.DefaultClient, s.url)
	require.NoError(t, err)
	texts := ""
	for _, m := range p.Media {
		texts += m.Text
	}
	require.NoError(t, p.Fault(), texts)
	return p
}

// Both forms of files, a gap and a change of resolution follow the rules.
func TestAPlaylistFollowsTheRules(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.add(film(t, look{size: "320x180", seconds: 15, gop: 25}), 0)
	s.add(film(t, look{size: "320x180", seconds: 10, gop: 50, hue: 90, fragment: true}), int64(15*time.Second))
	s.add(film(t, look{size: "160x90", seconds: 9, gop: 40, hue: 180}), int64(60*time.Second))
	p := checked(t, s)
	require.Len(t, p.Media, 2)
	s.change(func(l *Playlist) { l.KeepGaps = true })
	checked(t, s)
}
