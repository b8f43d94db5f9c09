package bareserver

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Segments is a server of low-latency HLS whose parts are bytes without content. It answers the requests for any stream with
// playlists as long as those of spool, and does nothing else.
type Segments struct {
	partsOf int       // number of parts in a segment
	begin   time.Time // of part 0
	part    []byte

	mu     sync.Mutex // guards the fields below
	newest int        // part with which list ends
	list   []byte     // the newest media playlist
}

// The playlist of a Segments.
const (
	listedSegments = 6 // complete ones
	partedSegments = 3 // newest ones, whose parts are listed
	session        = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// NewSegments returns a server of bytesPerSecond, in segments of a duration.
func NewSegments(bytesPerSecond int, segment time.Duration) *Segments {
	partsOf := max(int(segment/sendEvery), 1)
	return &Segments{
		partsOf: partsOf, begin: time.Now().Add(-listedSegments * time.Duration(partsOf) * sendEvery),
		part: make([]byte, int64(bytesPerSecond)*int64(sendEvery)/int64(time.Second)), newest: -1,
	}
}

// ServeHTTP answers with the file that the path ends with.
func (s *Segments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch name := path.Base(r.URL.Path); {
	case name == "index.m3u8":
		fmt.Fprintf(w, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8?session=%s\n", session)
	case name == "live.m3u8":
		s.playlist(w, r)
	case strings.HasPrefix(name, "init-"):
		_, _ = w.Write(s.part[:min(1000, len(s.part))])
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(s.part)))
		_, _ = w.Write(s.part)
	}
}

// playlist answers once the part that the request names is there.
func (s *Segments) playlist(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	segment, _ := strconv.Atoi(q.Get("_HLS_msn"))
	part, _ := strconv.Atoi(q.Get("_HLS_part"))
	ends := s.begin.Add(time.Duration(segment*s.partsOf+part+1) * sendEvery)
	timer := time.NewTimer(time.Until(ends))
	defer timer.Stop()
	select {
	case <-timer.C:
		_, _ = w.Write(s.newestPlaylist(time.Now()))
	case <-r.Context().Done():
	}
}

// newestPlaylist returns the playlist at a moment. It is made once for all clients.
func (s *Segments) newestPlaylist(at time.Time) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := int(at.Sub(s.begin)/sendEvery) - 1
	if newest <= s.newest {
		return s.list
	}
	open := (newest + 1) / s.partsOf // number of the segment that goes on, perhaps without a part
	first := max(open-listedSegments, 0)
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n", int(time.Duration(s.partsOf)*sendEvery/time.Second)+1)
	fmt.Fprintf(&b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6\n#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"init-1.m4s?session=%s\"\n", session)
	for n := first; n <= open; n++ {
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", at.UTC().Format("2006-01-02T15:04:05.000Z"))
		for i := n * s.partsOf; n > open-partedSegments && i < (n+1)*s.partsOf && i <= newest; i++ {
			fmt.Fprintf(&b, "#EXT-X-PART:DURATION=0.20000,URI=\"part-%d.m4s?session=%s\"", i, session)
			if i%s.partsOf == 0 {
				b.WriteString(",INDEPENDENT=YES")
			}
			b.WriteByte('\n')
		}
		if n < open {
			fmt.Fprintf(&b, "#EXTINF:2.00000,\nsegment-%d.m4s?session=%s\n", n, session)
		}
	}
	s.newest, s.list = newest, b.Bytes()
	return s.list
}
