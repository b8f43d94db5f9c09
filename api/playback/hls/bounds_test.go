package hls

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// apart returns a playlist of two recordings of a second each, with time between them.
func apart(gap time.Duration) *Playlist {
	m := &Mapped{Chunks: []Chunk{{SizeBytes: 100, KeyBytes: 50, EndNS: int64(time.Second)}}}
	l := &Playlist{SegmentNS: int64(6 * time.Second), Ended: true, KeepGaps: true}
	for _, begin := range []int64{0, int64(time.Second + gap)} {
		l.Parts = append(l.Parts, Part{Load: func() (*Mapped, error) { return m, nil }, Span: Span{ToNS: 1 << 60}, UTC: func(ns int64) int64 { return begin + epoch + ns }})
	}
	return l
}

// A gap of years, which a wrong clock makes, too, costs neither time nor an answer of gigabytes.
func TestTheLinesOfGapsAreBounded(t *testing.T) {
	t.Parallel()
	week := apart(6 * 24 * time.Hour)
	require.NoError(t, week.WriteMedia(io.Discard))
	require.NoError(t, week.WriteKeys(io.Discard))
	century := apart(100 * 366 * 24 * time.Hour)
	for _, write := range []func(io.Writer) error{
		century.WriteMedia, century.WriteKeys, func(w io.Writer) error { return century.WriteMaster(w, "media", "keys") },
	} {
		require.ErrorIs(t, write(nil), ErrGaps)
	}
	century.KeepGaps = false
	require.NoError(t, century.WriteMedia(io.Discard))
}

// A playlist of the type EVENT over months keeps the lines of its first recordings. It is not continued without the others when these are deleted.
func TestALongEventIsBounded(t *testing.T) {
	t.Parallel()
	var k events
	name := eventName{stream: "a"}
	const chunks = maxEventCost / 8
	var clips []clip.Clip
	for i := range 40 {
		c := clip.Clip{ID: media.ID{byte(i + 1)}}
		clips = append(clips, c)
		k.keep(name, &c, &Mapped{Chunks: make([]Chunk, chunks)})
		require.LessOrEqual(t, k.cost, maxEventCost+40*costOf(&c, nil))
	}
	kept := 0
	for i := range clips {
		m, err := k.kept(name, clips[i].ID)
		if err == nil {
			require.Len(t, m.Chunks, chunks)
			require.Equal(t, i, kept, "the first ones are kept")
			kept++
			continue
		}
		require.ErrorIs(t, err, ErrHeadless)
	}
	require.Equal(t, 7, kept)
	m, err := k.kept(name, media.ID{200})
	require.NoError(t, err)
	require.Nil(t, m)
	require.Len(t, k.with(name, nil), 40)
}

// oneRow is a catalogue of one recording.
type oneRow struct {
	clip.Catalogue
	row media.Record
}

// Record implements Catalogue.
func (o oneRow) Record(context.Context, media.ID) (media.Record, error) { return o.row, nil }

// A client that does not read the segment that it has asked for does not keep the recording from deletion.
func TestAStalledReaderOfASegmentIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := rewritten(t, dir, "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=2,noise=alls=100:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "50", "-pix_fmt", "yuv420p")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(32<<20), "more than the buffers of a connection")
	readers := &playback.Readers{}
	l := NewLists()
	l.Library = &clip.Library{Files: playback.NewDir(dir, nil), Indexes: sampleindex.In(dir), Belongs: func(*os.File, string, media.ID) error { return nil }}
	l.Catalogue = oneRow{row: media.Record{Recording: media.Recording{ID: media.NewID(time.Now()), Stream: "a", Path: filepath.Base(file), State: media.StateFinished}}}
	l.Readers, l.Now, l.Stall = readers, time.Now, 100*time.Millisecond
	l.Refuse = func(w http.ResponseWriter, size string) { http.Error(w, size, http.StatusRequestedRangeNotSatisfiable) }
	l.Failed = func(_ string, err error) { t.Error(err) }
	ended := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ended <- l.ServeMade(w, r, "a", media.ID{1}, "0-50.mp4")
	}))
	t.Cleanup(server.Close)
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		require.Fail(t, "the answer still waits for its client")
	}
	require.False(t, readers.Busy(filepath.Base(file)))
	resp, err := http.DefaultClient.Do(&http.Request{Method: http.MethodGet, URL: mustURL(t, server.URL), Header: http.Header{"Range": {"bytes=99999999999-"}}})
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, resp.StatusCode)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Regexp(t, `^\d+\n$`, string(text), "Refuse answers")
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}
