package hls_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// live is a live playlist, as its server changes it.
type live struct {
	mu   sync.Mutex // guards list
	list string
}

func (l *live) set(first int, names ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	for _, n := range names {
		if strings.HasPrefix(n, "#") {
			l.list += n + "\n"
			continue
		}
		l.list += "#EXTINF:1,\n" + n + "\n"
	}
}

func (l *live) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = w.Write([]byte(l.list))
}

// A live playlist is joined near its end. Segments that leave it unread are counted. One that begins anew is pulled again.
func TestALivePlaylistSlides(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	s, l := newServer(t), &live{}
	s.add(t, segmented(t, dir))
	s.handlers["/live.m3u8"] = l.ServeHTTP
	l.set(10, "old.ts", "old.ts", "index0.ts", "index1.ts", "none")
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/live.m3u8", ReadTimeout: 5 * time.Second})
	eventually(t, func() bool { return s.asked("/none") > 0 }) // the third try
	l.set(30, "index2.ts")
	eventually(t, func() bool { return s.asked("/index2.ts") > 0 })
	l.set(0, "index0.ts", "#EXT-X-ENDLIST")
	f.fails("the server has begun its playlist anew")
	got := f.end()
	require.Zero(t, s.asked("/old.ts"))
	require.Equal(t, uint64(30-14+1-1), got.losses[media.DropHLSLoss])
	require.NotEmpty(t, got.gaps)
	require.Equal(t, want[0][0].hash, got.units[0][0].hash)
	require.Equal(t, want[0][50].hash, got.units[0][50].hash)
	require.InDelta(t, want[0][50].pts-want[0][0].pts, got.units[0][50].pts-got.units[0][0].pts, 0.001)
}

// A playlist that is stale for too long is pulled again. Its segments are not read twice.
func TestAStalePlaylistIsNotReadTwice(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	s, l := newServer(t), &live{}
	s.add(t, segmented(t, dir))
	s.handlers["/live.m3u8"] = l.ServeHTTP
	l.set(7, "index0.ts", "index1.ts", "index2.ts")
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/live.m3u8", ReadTimeout: time.Second})
	f.fails("has had no new segment for 3s")
	n := s.asked("/live.m3u8")
	eventually(t, func() bool { return s.asked("/live.m3u8") > n+1 })
	info, _ := f.hub.Info(path)
	require.Equal(t, uint64(len(want[0])+len(want[1])), info.AccessUnits)
	l.set(8, "index1.ts", "index2.ts", "#EXT-X-DISCONTINUITY", "index0.ts")
	eventually(t, func() bool { return s.asked("/index0.ts") > 1 })
	require.Equal(t, 1, s.asked("/index1.ts"))
	require.Equal(t, 1, s.asked("/index2.ts"))
}

// An encoder ends its playlist when it restarts. What was recorded is not read again, and a playlist that goes on is.
func TestALivePlaylistThatEndsIsPulledAgain(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	s, l := newServer(t), &live{}
	s.add(t, segmented(t, dir))
	s.handlers["/live.m3u8"] = l.ServeHTTP
	l.set(0, "index0.ts", "index1.ts", "index2.ts")
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/live.m3u8"})
	eventually(t, func() bool { return s.asked("/index2.ts") > 0 })
	l.set(0, "index0.ts", "index1.ts", "index2.ts", "#EXT-X-ENDLIST")
	f.fails("the server has ended its stream")
	n := s.asked("/live.m3u8")
	eventually(t, func() bool { return s.asked("/live.m3u8") > n+1 })
	info, _ := f.hub.Info(path)
	require.Equal(t, uint64(len(want[0])+len(want[1])), info.AccessUnits)
	l.set(0, "index0.ts")
	eventually(t, func() bool { return s.asked("/index0.ts") > 1 })
}

// The URL of a session is refused for good after its server has restarted: the pull URL leads to another session.
func TestAPlaylistThatIsRefusedIsPulledAgain(t *testing.T) {
	t.Parallel()
	dir, _ := source(t)
	s, l := newServer(t), &live{}
	s.add(t, segmented(t, dir))
	s.files["/index.m3u8"] = []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8\n")
	l.set(0, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES", "index0.ts")
	refused, again := false, 0
	s.handlers["/live.m3u8"] = func(w http.ResponseWriter, r *http.Request) {
		switch {
		case again > 1:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.RawQuery != "": // a server may refuse its queries alone
			refused = true
			w.WriteHeader(http.StatusBadRequest)
		default:
			if refused {
				again++
			}
			l.ServeHTTP(w, r)
		}
	}
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/index.m3u8", ReadTimeout: 2 * patience})
	eventually(t, func() bool { return s.asked("/index.m3u8") > 1 })
	f.fails("pull failed")
	require.Contains(t, f.book.String(), "the server answers 401 Unauthorized")
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := slices.Index(s.requests[1:], "/index.m3u8")
	require.Equal(t, "/live.m3u8", s.requests[newest], "the request before is without a query")
}

// A delta update, which only a request for one may get, leads to a request without a query of ours.
func TestADeltaUpdateIsRequestedAgain(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	s := newServer(t)
	s.add(t, segmented(t, dir))
	full := false
	s.handlers["/live.m3u8"] = func(w http.ResponseWriter, r *http.Request) {
		const head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6\n"
		switch {
		case r.URL.RawQuery != "":
			full = true
			_, _ = w.Write([]byte(head + "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:1,\nindex1.ts\n"))
		case full:
			_, _ = w.Write(s.files["/index.m3u8"])
		default:
			_, _ = w.Write([]byte(head + "#EXTINF:1,\nindex0.ts\n"))
		}
	}
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/live.m3u8"})
	f.fails("the server has ended its stream")
	got := f.end()
	require.Empty(t, got.losses)
	requireSource(t, want, got)
	require.Contains(t, f.book.String(), "a delta update, which was not asked for")
}

// An initialisation section that is encrypted is read once, and not after each reload of the playlist.
func TestAnInitialisationSectionIsReadOnce(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	s, l := newServer(t), &live{}
	s.add(t, segmented(t, dir, "-hls_segment_type", "fmp4"))
	secret := []byte("0123456789abcdef")
	block, err := aes.NewCipher(secret)
	require.NoError(t, err)
	init := s.files["/init.mp4"]
	pad := aes.BlockSize - len(init)%aes.BlockSize
	init = append(bytes.Clone(init), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(init, init)
	s.files["/init.mp4"], s.files["/key"] = init, secret
	s.handlers["/live.m3u8"] = l.ServeHTTP
	tags := []string{"#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x0", "#EXT-X-MAP:URI=\"init.mp4\"", "#EXT-X-KEY:METHOD=NONE"}
	l.set(0, append(slices.Clone(tags), "index0.m4s")...)
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/live.m3u8"})
	eventually(t, func() bool { return s.asked("/index0.m4s") > 0 })
	l.set(0, append(slices.Clone(tags), "index0.m4s", "index1.m4s")...)
	eventually(t, func() bool { return s.asked("/index1.m4s") > 0 })
	l.set(0, append(slices.Clone(tags), "index0.m4s", "index1.m4s", "index2.m4s", "#EXT-X-ENDLIST")...)
	got := f.end()
	require.Empty(t, got.losses)
	requireSource(t, want, got)
	require.Equal(t, 1, s.asked("/init.mp4"))
	require.Equal(t, 1, s.asked("/key"))
}

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	require.Eventually(t, is, patience, 5*time.Millisecond)
}

// Each part of a low-latency playlist is taken once, by requests that wait for it.
func TestPartsAreTakenOnce(t *testing.T) {
	t.Parallel()
	dir, want := source(t)
	s := newServer(t)
	s.add(t, segmented(t, dir))
	const each = 4 // parts of a segment
	for i := range seconds {
		data := s.files[fmt.Sprintf("/index%d.ts", i)]
		size := len(data) / 188 / each * 188
		for k := range each {
			end := (k + 1) * size
			if k == each-1 {
				end = len(data)
			}
			s.files[fmt.Sprintf("/part%d.%d.ts", i, k)] = data[k*size : end]
		}
	}
	var bad []string
	ended := false
	s.handlers["/live.m3u8"] = func(w http.ResponseWriter, r *http.Request) {
		// The part that the request waits for has just been made.
		parts := 2
		if q := r.URL.Query(); q.Has("_HLS_msn") {
			segment, _ := strconv.Atoi(q.Get("_HLS_msn"))
			part, _ := strconv.Atoi(q.Get("_HLS_part"))
			parts = segment*each + part + 1
		} else if r.URL.RawQuery != "session=1" {
			bad = append(bad, r.URL.RawQuery)
		}
		list := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=0.25\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.75\n"
		for n := range min(parts, seconds*each) {
			list += fmt.Sprintf("#EXT-X-PART:DURATION=0.25,URI=\"part%d.%d.ts\"\n", n/each, n%each)
			if n%each == each-1 {
				list += fmt.Sprintf("#EXTINF:1,\nindex%d.ts\n", n/each)
			}
		}
		if parts > seconds*each || ended {
			ended = true
			list += "#EXT-X-ENDLIST\n"
		}
		_, _ = w.Write([]byte(list))
	}
	f := newFixture(t, hub.StreamConfig{Pull: s.URL + "/live.m3u8?session=1"})
	got := f.end()
	require.Empty(t, got.losses)
	requireSource(t, want, got)
	require.Empty(t, bad)
	for i := range seconds {
		for k := range each {
			require.Equal(t, 1, s.asked(fmt.Sprintf("/part%d.%d.ts", i, k)), "%d.%d", i, k)
		}
		require.Zero(t, s.asked(fmt.Sprintf("/index%d.ts", i)))
	}
}
