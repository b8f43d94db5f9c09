package hls_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
	"github.com/gospool/spool/stages/egress/egresstest"
	"github.com/gospool/spool/stages/egress/hls"
)

// archive has what a camera has sent, at 25 pictures and 48000/1024 frames of sound a second, but for the segments that are lost.
type archive struct {
	*egresstest.Camera
	mu     sync.Mutex // guards the fields below
	lead   int64      // ns before the first unit on the time line
	lost   map[uint64]bool
	holds  int // result of Holds; -1: all
	before []*cmaf.Past
	asked  int // calls of Before; the first answers that the recording is not ready
	fails  error
	blocks chan struct{} // the first call of Before closes it, and waits until its client has left; nil: it does not
}

func (a *archive) Before(ctx context.Context, _ string, first *cmaf.Past, _ cmaf.Division) ([]*cmaf.Past, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	switch {
	case a.fails != nil:
		return nil, a.fails
	case a.asked == 1 && a.blocks != nil:
		close(a.blocks)
		<-ctx.Done()
		return nil, ctx.Err()
	case a.asked == 1:
		return nil, cmaf.ErrNotYet
	}
	for _, s := range a.before {
		s.Init = first.Init
	}
	return a.before, nil
}

func (a *archive) Holds(_ context.Context, _ string, list []*cmaf.Past) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.holds < 0 {
		return len(list), nil
	}
	return min(a.holds, len(list)), nil
}

func (a *archive) Open(_ context.Context, _ string, s *cmaf.Past) (cmaf.Samples, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lost[s.Number] {
		return nil, cmaf.ErrNotRecorded
	}
	out := &sent{}
	for track, ticks := range []int64{3600, 1024} {
		scale := []uint32{90000, 48000}[track]
		run, c := s.Runs[track], &out.columns[track]
		from := (run.FromTicks - media.FromNanos(a.lead, scale)) / ticks
		for i := from; i < from+run.Samples; i++ {
			unit := a.Sent[track][i]
			c.DTS, c.SizeBytes = append(c.DTS, run.FromTicks+(i-from)*ticks), append(c.SizeBytes, uint32(len(unit)))
			c.OffsetTicks, c.Flags = append(c.OffsetTicks, 0), append(c.Flags, 0)
			out.payload = append(out.payload, unit...)
		}
		c.EndTicks = run.UntilTicks
	}
	return out, nil
}

type sent struct {
	columns [2]media.Columns
	payload []byte
}

func (s *sent) Columns(track int) *media.Columns { return &s.columns[track] }
func (s *sent) Copy(w io.Writer) error           { _, err := w.Write(s.payload); return err }
func (s *sent) Close() error                     { return nil }

// newLongSite is newSite with a window of which only five seconds lie in memory.
func newLongSite(t *testing.T, window time.Duration) (*site, *archive) {
	t.Helper()
	c := egresstest.New(t)
	a := &archive{Camera: c, lead: window.Nanoseconds(), lost: map[uint64]bool{}, holds: -1}
	gate := egress.NewGate(func(string) (egress.Offer, error) {
		return egress.Offer{LiveConfig: egress.LiveConfig{Window: config.Duration(window)}}, nil
	})
	s := &site{Camera: c, t: t, readers: egress.NewReaders(c.Hub, gate, 20, slog.New(slog.DiscardHandler), pipeline.SystemClock)}
	packagers := cmaf.NewPackagers(c.Hub, c.Tasks, pipeline.SystemClock, cmaf.Config{Window: 5 * time.Second, Archive: a})
	out := hls.New(s.readers, packagers, c.Tasks, pipeline.SystemClock, time.Minute)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, name, _ := hls.Split(strings.TrimPrefix(r.URL.Path, "/"))
		if err := out.Serve(w, r, path, name, "ann"); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/" + egresstest.Path + "/"
	return s, a
}

// follow sends pictures, and returns the playlist once it has all but the newest of them.
func (s *site) follow(media string, pictures, gop int) (list string) {
	s.t.Helper()
	for ; pictures > 0; pictures -= gop {
		s.Shoot(min(gop, pictures), gop)
		newest := time.Unix(0, s.UTC).Add(-2 * time.Second)
		require.Eventually(s.t, func() bool {
			list = s.file(media)
			all := regexp.MustCompile(`DATE-TIME:(.*)\n`).FindAllStringSubmatch(list, -1)
			at, err := time.Parse(time.RFC3339, all[len(all)-1][1])
			return err == nil && at.After(newest)
		}, time.Minute, time.Millisecond, "%s", list)
	}
	return list
}

func value(t *testing.T, list, tag string) string {
	t.Helper()
	m := regexp.MustCompile("\n" + tag + ":(.*)\n").FindStringSubmatch(list)
	require.NotNil(t, m, "%s: %s", tag, list)
	return m[1]
}

// What has left memory stays in the playlist, under the same names, as far as the window reaches.
func TestSegmentsThatHaveLeftMemoryComeFromTheRecording(t *testing.T) {
	s, _ := newLongSite(t, 20*time.Second)
	url := s.begin(100, 25)
	defer s.Leave()
	list := ""
	for range 3 {
		list = s.follow(url, 100, 25)
	}
	session := url[strings.Index(url, "session="):]
	require.GreaterOrEqual(t, strings.Count(list, "#EXTINF"), 14)
	parts := regexp.MustCompile(`part-(\d+)`).FindStringSubmatch(list)
	code, _, _ := s.get("part-" + parts[1] + ".m4s?" + session)
	require.Equal(t, 200, code)
	all := ""
	for _, uri := range uris.FindAllString(list, -1) {
		all += s.file(uri)
	}
	got := payloads(t, all)
	require.Equal(t, s.Sent[0][:len(got[0])], got[0])
	require.Equal(t, s.Sent[1][:len(got[1])], got[1])
	require.GreaterOrEqual(t, len(got[0]), 14*25)

	before := value(t, list, "#EXT-X-MEDIA-SEQUENCE")
	for range 3 {
		list = s.follow(url, 100, 25)
	}
	require.Greater(t, value(t, list, "#EXT-X-MEDIA-SEQUENCE"), before)
	require.InDelta(t, 20, strings.Count(list, "#EXTINF"), 1, "of a second")
	delta := s.file(url + "&_HLS_skip=YES")
	require.Less(t, strings.Count(delta, "#EXTINF"), 15)
	require.Contains(t, delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=")
}

// A segment that no recording has leaves the playlist with those before it, and the numbers of the rest stay.
func TestSegmentsThatAreLostLeaveThePlaylist(t *testing.T) {
	s, a := newLongSite(t, time.Minute)
	url := s.begin(30, 25)
	s.follow(url, 100, 25)
	s.Leave()
	s.Publish(1280) // other tracks
	defer s.Leave()
	list := ""
	for range 2 {
		list = s.follow(url, 100, 25)
	}
	require.Equal(t, "0", value(t, list, "#EXT-X-DISCONTINUITY-SEQUENCE"))
	require.Equal(t, 1, strings.Count(list, "#EXT-X-DISCONTINUITY\n"))
	names := uris.FindAllString(list, -1)
	at := strings.Index(list, "#EXT-X-DISCONTINUITY\n")
	other := len(uris.FindAllString(list[:at], -1)) + 1 // the second one of the other tracks
	a.mu.Lock()
	a.lost = map[uint64]bool{}
	for _, n := range regexp.MustCompile(`\d+`).FindAllString(names[other-1], 1) {
		a.lost[number(t, n)] = true
	}
	a.mu.Unlock()
	code, body, _ := s.get(names[other-1])
	require.Equal(t, 404, code)
	require.Contains(t, body, hls.ErrNoFile.Error())
	list = s.file(url)
	require.Equal(t, "1", value(t, list, "#EXT-X-DISCONTINUITY-SEQUENCE"))
	require.NotContains(t, list, "#EXT-X-DISCONTINUITY\n")
	require.Equal(t, names[other], uris.FindString(list))
	require.Contains(t, names[other], "segment-"+value(t, list, "#EXT-X-MEDIA-SEQUENCE")+".m4s")
	code, _, _ = s.get(names[0])
	require.Equal(t, 404, code)
	require.Contains(t, list, "init-", "the first listed segment names its tracks")
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return n
}

// recordBefore makes the archive have ten seconds before the first picture.
func (a *archive) recordBefore() {
	const length = 2 * time.Second
	for i := range 5 {
		start := egresstest.StartUTC - int64(5-i)*length.Nanoseconds()
		a.before = append(a.before, &cmaf.Past{StartUTC: start, DurationNS: length.Nanoseconds(), Runs: make([]cmaf.Run, 2)})
	}
}

// earliest is in a playlist with what recordBefore records.
const earliest = "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:10.000Z\n"

// The client that leaves while the recording is read takes nothing from those after it.
func TestTheRecordingPrecedesTheFirstSegmentAfterAClientHasLeft(t *testing.T) {
	s, a := newLongSite(t, time.Minute)
	a.recordBefore()
	a.blocks = make(chan struct{})
	url := s.begin(60, 25)
	defer s.Leave()
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	left := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+url, nil)
		if err == nil {
			var resp *http.Response
			if resp, err = http.DefaultClient.Do(r); err == nil {
				err = resp.Body.Close()
			}
		}
		left <- err
	}()
	<-a.blocks
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	require.Contains(t, s.file(url), earliest)
}

// While the recordings cannot be read, the playlist begins with what lies in memory. Once they can, it begins earlier for those who
// come then; for others its numbers do not fall.
func TestTheRecordingPrecedesTheFirstSegmentOnceItCanBeRead(t *testing.T) {
	for name, err := range map[string]error{"fault": io.ErrUnexpectedEOF, "late": cmaf.ErrNotYet} {
		t.Run(name, func(t *testing.T) {
			s, a := newLongSite(t, time.Minute)
			a.recordBefore()
			a.fails = err
			url := s.begin(60, 25)
			defer s.Leave()
			list := s.file(url)
			require.NotContains(t, list, earliest)
			first := value(t, list, "#EXT-X-MEDIA-SEQUENCE")
			a.mu.Lock()
			asked := a.asked
			a.fails, a.asked = nil, 1
			a.mu.Unlock()
			require.LessOrEqual(t, asked, 13, "it does not ask again at once")
			require.Eventually(t, func() bool {
				require.Equal(t, first, value(t, s.file(url), "#EXT-X-MEDIA-SEQUENCE"))
				a.mu.Lock()
				defer a.mu.Unlock()
				return a.asked > 1
			}, time.Minute, 10*time.Millisecond)
			require.Contains(t, s.file(s.play()), earliest)
			require.Equal(t, first, value(t, s.file(url), "#EXT-X-MEDIA-SEQUENCE"))
			require.Equal(t, 2, a.asked, "once")
		})
	}
}

// What was recorded before the first client came precedes it, once the recording has what the client begins with.
func TestTheRecordingPrecedesTheFirstSegment(t *testing.T) {
	s, a := newLongSite(t, time.Minute)
	a.recordBefore()
	url := s.begin(60, 25)
	defer s.Leave()
	list := s.follow(url, 10, 25)
	require.Equal(t, 2, a.asked)
	first := number(t, value(t, list, "#EXT-X-MEDIA-SEQUENCE"))
	require.Contains(t, list, "#EXTINF:2.00000,\nsegment-"+strconv.FormatUint(first, 10)+".m4s")
	require.Contains(t, list, earliest)
	require.GreaterOrEqual(t, strings.Count(list, "#EXTINF"), 6)
	require.Equal(t, "3", value(t, list, "#EXT-X-TARGETDURATION"))
}

// Of a stream that is not recorded, a long window has what lies in memory, and never lists what it cannot give.
func TestALongWindowWithoutARecording(t *testing.T) {
	s, a := newLongSite(t, time.Minute)
	a.holds = 0
	url := s.begin(60, 25)
	defer s.Leave()
	before := uint64(0)
	for range 12 {
		list := s.follow(url, 25, 25)
		require.LessOrEqual(t, strings.Count(list, "#EXTINF"), 7)
		first := number(t, value(t, list, "#EXT-X-MEDIA-SEQUENCE"))
		require.GreaterOrEqual(t, first, before)
		before = first
		for _, uri := range uris.FindAllString(list, -1) {
			s.file(uri)
		}
	}
}
