package readload

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/bareserver"
)

// Each reader has one connection, begins with a key frame, asks for each playlist once its next part is there, and fetches each
// part once.
func TestReadersOfHLSFetchEachPartOnce(t *testing.T) {
	const partsOf, wanted = 5, 9 // parts of a segment; parts of each reader
	var mu sync.Mutex            // guards asked
	asked := map[string][]string{}
	bare := bareserver.NewSegments(1_000_000, time.Second)
	var enough sync.WaitGroup
	enough.Add(3)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		mu.Lock()
		parts := 0
		for _, n := range append(asked[r.RemoteAddr], name) {
			if strings.HasPrefix(n, "part-") {
				parts++
			}
		}
		if strings.HasPrefix(name, "part-") && parts == wanted {
			enough.Done()
		}
		asked[r.RemoteAddr] = append(asked[r.RemoteAddr], name)
		mu.Unlock()
		bare.ServeHTTP(w, r)
	}))
	defer s.Close()
	ctx, stop := context.WithCancel(t.Context())
	load := Load{Protocol: "hls", URL: s.URL + "/live/%d/index.m3u8", Streams: 2, N: 3}
	wait, err := load.Start(ctx)
	require.NoError(t, err)
	enough.Wait()
	stop()
	require.NoError(t, wait())
	require.GreaterOrEqual(t, load.Totals().Least, int64((wanted-1)*200_000))
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, asked, 3)
	for _, names := range asked {
		require.Equal(t, []string{"index.m3u8", "live.m3u8", "init-1.m4s"}, names[:3])
		next := 0
		_, err := fmt.Sscanf(names[3], "part-%d.m4s", &next)
		require.NoError(t, err)
		require.Zero(t, next%partsOf)
		for _, name := range names[3:] {
			if name != "live.m3u8" {
				require.Equal(t, fmt.Sprintf("part-%d.m4s", next), name)
				next++
			}
		}
	}
}

// A playlist without the next part ends the reader: it would miss media.
func TestAReaderOfHLSThatMissesAPartFails(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path.Base(r.URL.Path) {
		case "index.m3u8":
			fmt.Fprint(w, "#EXTM3U\nlive.m3u8\n")
		case "live.m3u8":
			fmt.Fprint(w, "#EXTM3U\n#EXT-X-MAP:URI=\"init\"\n#EXT-X-PART:DURATION=1,URI=\"part\",INDEPENDENT=YES\n")
		}
	}))
	defer s.Close()
	for address, want := range map[string]string{"/index.m3u8": "has no part behind part", "/none.m3u8": "lists no playlist"} {
		wait, err := (&Load{Protocol: "hls", URL: s.URL + address + "?%d", Streams: 1, N: 1}).Start(t.Context())
		if err == nil {
			err = wait()
		}
		require.ErrorContains(t, err, want)
	}
}

func TestAPlaylistSaysWhatIsNext(t *testing.T) {
	media, err := url.Parse("http://host/a/live.m3u8?session=s")
	require.NoError(t, err)
	head := "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n"
	segment := "#EXT-X-PART:DURATION=1,URI=\"a?session=s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=1,URI=\"b\"\n#EXTINF:2,\nx\n"
	for text, want := range map[string]string{
		head + segment: "_HLS_msn=11&_HLS_part=0", head + segment + "#EXT-X-PART:DURATION=1,URI=\"c\"\n": "_HLS_msn=11&_HLS_part=1",
	} {
		l := readPlaylist([]byte(text))
		require.Equal(t, "http://host/a/live.m3u8?"+want+"&_HLS_skip=YES&session=s", l.reload(media))
		require.Equal(t, "a?session=s", l.fromKeyFrame()[0])
	}
	require.Empty(t, (&playlist{key: -1}).fromKeyFrame())
}
