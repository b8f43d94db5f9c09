package hls_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
	"github.com/gospool/spool/stages/egress/egresstest"
	"github.com/gospool/spool/stages/egress/hls"
)

// site serves the stream of a camera.
type site struct {
	*egresstest.Camera
	t       *testing.T
	url     string // of the directory of the stream's files
	readers *egress.Readers
}

func newSite(t *testing.T) *site {
	t.Helper()
	c := egresstest.New(t)
	s := &site{Camera: c, t: t, readers: egress.NewReaders(c.Hub, nil, 20, slog.New(slog.DiscardHandler), pipeline.SystemClock)}
	packagers := cmaf.NewPackagers(c.Hub, c.Tasks, egresstest.Epoch, cmaf.Config{})
	out := hls.New(s.readers, packagers, c.Tasks, pipeline.SystemClock, time.Minute)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, name, known := hls.Split(strings.TrimPrefix(r.URL.Path, "/"))
		if !known {
			http.Error(w, "unknown", http.StatusGone)
			return
		}
		if err := out.Serve(w, r, path, name, "ann"); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/" + egresstest.Path + "/"
	return s
}

func (s *site) get(name string) (code int, body string, head http.Header) {
	s.t.Helper()
	resp, err := http.Get(s.url + name)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	http.DefaultClient.CloseIdleConnections()
	return resp.StatusCode, string(b), resp.Header
}

func (s *site) file(name string) string {
	s.t.Helper()
	code, body, _ := s.get(name)
	require.Equal(s.t, 200, code, "%s: %s", name, body)
	return body
}

// play begins to play: it returns the name of the media playlist with its session.
func (s *site) play() string {
	s.t.Helper()
	body := strings.TrimSpace(s.file("index.m3u8"))
	return body[strings.LastIndexByte(body, '\n')+1:]
}

// begin publishes a first picture, so that the packager of the returned playlist has all units behind it, and then further ones.
func (s *site) begin(pictures, gop int) (media string) {
	s.t.Helper()
	s.Publish(640)
	s.Shoot(6, gop) // the first part is complete
	media = s.play()
	s.Shoot(pictures-6, gop)
	return media
}

var uris = regexp.MustCompile(`(?m)^segment-\d+\.m4s.*$`)

func payloads(t *testing.T, fragments string) (got [2][][]byte) {
	t.Helper()
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal([]byte(fragments)))
	for _, p := range parts {
		for _, track := range p.Tracks {
			for _, sample := range track.Samples {
				got[track.ID-1] = append(got[track.ID-1], sample.Payload)
			}
		}
	}
	return got
}

func TestThePlaylistsAndTheirMedia(t *testing.T) {
	s := newSite(t)
	media := s.begin(151, 50)
	defer s.Leave()
	require.Equal(t, s.play()[:len("live.m3u8?session=")], media[:len("live.m3u8?session=")])
	require.Contains(t, s.file("index.m3u8"), ",RESOLUTION=640x360,FRAME-RATE=25.000\n")
	list := s.file(media + "&_HLS_msn=2&_HLS_part=9")
	session := media[strings.Index(media, "session="):]
	for _, line := range []string{
		"#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:3", "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.60000,CAN-SKIP-UNTIL=18.0",
		"#EXT-X-PART-INF:PART-TARGET=0.20000", "#EXT-X-MEDIA-SEQUENCE:0", `#EXT-X-MAP:URI="init-1.m4s?` + session + `"`,
		"#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z", "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z",
		`#EXT-X-PART:DURATION=0.20000,URI="part-10.m4s?` + session + `",INDEPENDENT=YES`, "#EXTINF:2.00000,", "segment-1.m4s?" + session,
		`#EXT-X-PART:DURATION=0.20000,URI="part-29.m4s?` + session + `"`, `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-30.m4s?` + session + `"`,
	} {
		require.Contains(t, "\n"+list, "\n"+line+"\n")
	}
	var head fmp4.Init
	require.NoError(t, head.Unmarshal(bytes.NewReader([]byte(s.file("init-1.m4s?"+session)))))
	all := ""
	for _, uri := range uris.FindAllString(list, -1) {
		all += s.file(uri)
	}
	got := payloads(t, all)
	require.Equal(t, s.Sent[0][:100], got[0])
	require.Equal(t, s.Sent[1][:len(got[1])], got[1])
	require.Equal(t, s.Sent[0][100:105], payloads(t, s.file("part-20.m4s?"+session))[0])
	for _, gone := range []string{"segment-2.m4s", "segment-9.m4s", "init-2.m4s", "part-99.m4s"} {
		code, _, _ := s.get(gone + "?" + session)
		require.Equal(t, 404, code, gone)
	}
	_, _, h := s.get("live.m3u8?" + session)
	require.Equal(t, "no-cache", h.Get("Cache-Control"))
	_, _, h = s.get("part-20.m4s?" + session)
	require.Equal(t, `video/mp4; codecs="avc1.42C01E,mp4a.40.2"`, h.Get("Content-Type"))
}

// A request for media that is not made yet is answered as soon as it is.
func TestRequestsWaitForWhatComesNext(t *testing.T) {
	s := newSite(t)
	media := s.begin(51, 50)
	defer s.Leave()
	session := media[strings.Index(media, "session="):]
	s.file(media + "&_HLS_msn=0&_HLS_part=9")
	answers := make(chan string, 3)
	for _, name := range []string{media + "&_HLS_msn=1&_HLS_part=0", media + "&_HLS_msn=1", "part-10.m4s?" + session} {
		go func() {
			_, body, _ := s.get(name)
			answers <- body
		}()
	}
	s.Shoot(60, 50)
	for range 3 {
		body := <-answers
		require.True(t, strings.Contains(body, "part-10.m4s") || strings.Contains(body, "moof"), "%.200s", body)
	}
	for _, query := range []string{"&_HLS_msn=99", "&_HLS_msn=2&_HLS_part=60000", "&_HLS_msn=3&_HLS_part=16", "&_HLS_msn=x", "&_HLS_part=1", "&_HLS_msn=1&_HLS_part=-1", "&_HLS_skip=no", "&_HLS_msn=1;"} {
		code, body, _ := s.get(media + query)
		require.Equal(t, 404, code, query)
		require.Contains(t, body, hls.ErrQuery.Error())
	}
}

func TestADeltaUpdateLeavesOutOldSegments(t *testing.T) {
	s := newSite(t)
	media := s.begin(26, 25)
	defer s.Leave()
	for range 15 {
		s.Shoot(25, 25)
	}
	whole := s.file(media + "&_HLS_msn=14")
	delta := s.file(media + "&_HLS_msn=14&_HLS_skip=YES")
	n := regexp.MustCompile(`#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)\n`).FindStringSubmatch(delta)
	require.NotNil(t, n, delta)
	skipped, _ := strconv.Atoi(n[1])
	require.Positive(t, skipped)
	before, after := uris.FindAllString(whole, -1), uris.FindAllString(delta, -1)
	require.Equal(t, before[skipped:], after)
	require.NotContains(t, whole, "EXT-X-SKIP")
}

func TestOtherTracksAreADiscontinuity(t *testing.T) {
	s := newSite(t)
	media := s.begin(30, 50)
	s.Leave()
	s.Publish(1280)
	s.Shoot(60, 50)
	s.Leave()
	list := s.file(media + "&_HLS_msn=2&_HLS_part=0")
	require.Regexp(t, `(?s)init-1\.m4s.*segment-0\.m4s[^\n]*\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-2\.m4s.*segment-1`, list)
	require.Contains(t, list, "#EXT-X-DISCONTINUITY-SEQUENCE:0\n")
}

func TestASessionIsAClientThatReads(t *testing.T) {
	s := newSite(t)
	media := s.begin(60, 50)
	defer s.Leave()
	for range 3 {
		s.file(media)
	}
	list := s.readers.Connections()
	require.Len(t, list, 1)
	require.Equal(t, "hls live/a ann", list[0].Protocol+" "+list[0].Path+" "+list[0].User)
	require.Positive(t, list[0].Sent)
	require.True(t, s.readers.End("hls", list[0].Number))
	require.Eventually(t, func() bool { return len(s.readers.Connections()) == 0 }, time.Minute, 10*time.Millisecond)
	for range 3 {
		code, body, _ := s.get(media)
		require.Equal(t, 404, code)
		require.Contains(t, body, egress.ErrHungUp.Error())
	}
	require.Empty(t, s.readers.Connections(), "a player that does not give up gets no other session")
}

// A player that paused for long, or whose server began anew, goes on under its ID, and is one client.
func TestASessionThatEndedGoesOn(t *testing.T) {
	s := newSite(t)
	media := s.begin(60, 50)
	defer s.Leave()
	id := media[strings.Index(media, "=")+1:]
	other := strings.Repeat("A", len(id))
	answers := make(chan int)
	for range 8 {
		go func() {
			code, _, _ := s.get("live.m3u8?session=" + other)
			answers <- code
		}()
	}
	for range 8 {
		require.Equal(t, 200, <-answers)
	}
	require.Len(t, s.readers.Connections(), 2)
	for _, wrong := range []string{"x", id + "A", strings.ToLower(id)} {
		code, body, _ := s.get("live.m3u8?session=" + wrong)
		require.Equal(t, 404, code)
		require.Contains(t, body, hls.ErrQuery.Error())
	}
}

func TestTheWaitingRequestsOfASessionAreBounded(t *testing.T) {
	s := newSite(t)
	media := s.begin(60, 50)
	defer s.Leave()
	s.file(media)
	answers := make(chan int)
	for range 20 {
		go func() {
			code, _, _ := s.get(media + "&_HLS_msn=2")
			answers <- code
		}()
	}
	for range 4 {
		require.Equal(t, 404, <-answers)
	}
	s.Shoot(100, 50)
	for range 16 {
		require.Equal(t, 200, <-answers)
	}
}

func TestNamesOfFiles(t *testing.T) {
	for _, known := range []string{"a/index.m3u8", "a/b/live.m3u8", "a/init-1.m4s", "a/part-0.m4s", "a/segment-12.m4s"} {
		path, name, is := hls.Split(known)
		require.True(t, is, known)
		require.Equal(t, known, path+"/"+name)
	}
	for _, unknown := range []string{"index.m3u8", "a/x.m3u8", "a/part-.m4s", "a/part-01.m4s", "a/part--1.m4s", "a/part-99999999999999999999.m4s", "a/other-1.m4s", "a/part-1.mp4"} {
		_, _, is := hls.Split(unknown)
		require.False(t, is, unknown)
	}
}
