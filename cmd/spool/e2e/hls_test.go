package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/hls/hlscheck"
)

// playlist fetches and checks the playlists of a span, and all their segments.
func (r *recorder) playlist(stream string, query url.Values) *hlscheck.Playlist {
	r.t.Helper()
	p, err := hlscheck.Check(r.t.Context(), client, r.api+"/mp4/hls/"+stream+"/index.m3u8?"+query.Encode())
	require.NoError(r.t, err)
	require.NoError(r.t, p.Fault())
	return p
}

// hashesOf returns the hashes of the packets of a kind in files or playlists, in order.
func hashesOf(t *testing.T, kind string, addresses ...string) (all []string) {
	t.Helper()
	for _, a := range addresses {
		for _, p := range probe(t, a, kind).packets {
			all = append(all, p.hash)
		}
	}
	return all
}

// A playlist grows while the stream is recorded, over several files, and follows the rules at every moment. At last it
// has each packet of the recordings once.
func TestAPlaylistGrowsWithTheRecording(t *testing.T) {
	t.Parallel()
	for mode, fragment := range map[string]string{"ordinary": "false", "fragmented": "true"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := serve(t, "", "--set", "mp4/max_duration=3", "--set", "mp4/fragment="+fragment)
			const stream = "live/growing%20stream"
			from := time.Now()
			query := url.Values{"start": {from.Format(time.RFC3339Nano)}, "duration": {"40"}, "segment": {"1"}}
			index := "/mp4/hls/" + stream + "/index.m3u8?" + query.Encode()
			code, text := r.ask("GET", index)
			require.Equal(t, http.StatusNotFound, code, "%s", text)
			code, text = r.ask("POST", "/mp4/start/"+stream+"?wait=true")
			require.Equal(t, http.StatusOK, code, "%s", text)
			p := publish(t, x264Clip(t), r.rtsp+"/"+stream, "tcp", "-re")
			eventually(t, "the first segment", func() bool {
				code, _ := r.ask("GET", index)
				return code == http.StatusOK
			})
			before := r.playlist(stream, query)
			for _, m := range before.Media {
				require.Equal(t, "EVENT", m.Type)
				require.False(t, m.Ended)
			}
			p.finish()
			code, text = r.ask("POST", "/mp4/stop/"+stream)
			require.Equal(t, http.StatusOK, code, "%s", text)
			for ended := false; !ended; {
				ended = true
				for i, m := range before.Media {
					after, err := hlscheck.CheckMedia(t.Context(), client, m.URL)
					require.NoError(t, err)
					require.NoError(t, after.Fault())
					require.Empty(t, hlscheck.Reloaded(m, after.Media[0]))
					before.Media[i] = after.Media[0]
					ended = ended && after.Media[0].Ended
				}
			}
			var files []string
			for _, rec := range r.records(stream) {
				files = append(files, r.path(rec.File))
			}
			require.Greater(t, len(files), 1)
			after := r.playlist(stream, query)
			require.Equal(t, "VOD", after.Media[0].Type)
			require.Equal(t, len(before.Media[0].Segments), len(after.Media[0].Segments))
			for i, s := range after.Media[0].Segments {
				require.Equal(t, before.Media[0].Segments[i].Time, s.Time, "the wall clock of segment %d, while its file grew and afterwards", i)
			}
			for _, kind := range []string{"v", "a"} {
				want := hashesOf(t, kind, files...)
				require.Equal(t, want, hashesOf(t, kind, r.api+index), kind)
				require.Equal(t, want, hashesOf(t, kind, before.Media[0].URL.String()), kind)
			}
		})
	}
}
