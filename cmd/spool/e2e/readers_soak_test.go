package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowd is clients that read live streams, stand still and vanish at random.
type crowd struct {
	*recorder
	streams []string
	reads   [3]atomic.Int64 // readers that media had come to: by RTSP, as fMP4, by HLS
}

// join reads a stream by one of the protocols for a random time. Then it takes nothing for a random time, and vanishes.
func (c *crowd) join(ctx context.Context, random *rand.Rand) {
	stream, kind := c.streams[random.IntN(len(c.streams))], random.IntN(len(c.reads))
	address := strings.TrimPrefix(c.rtsp, "rtsp://")
	if kind > 0 {
		address = strings.TrimPrefix(c.api, "http://")
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	begin := [...]func(net.Conn, string) error{c.beginRTSP, c.beginFMP4, c.beginHLS}[kind]
	if begin(conn, stream) != nil {
		return // the server has closed it, or the stream is over
	}
	c.reads[kind].Add(1)
	_ = conn.SetReadDeadline(time.Now().Add(time.Duration(random.IntN(1500)) * time.Millisecond))
	_, _ = io.Copy(io.Discard, conn)
	select {
	case <-time.After(time.Duration(random.IntN(1500)) * time.Millisecond): // the sockets fill up
	case <-ctx.Done():
	}
}

// beginRTSP requests all steps at once, and waits for a packet.
func (c *crowd) beginRTSP(conn net.Conn, stream string) error {
	url := c.rtsp + "/" + stream
	if _, err := fmt.Fprintf(conn, "SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n", url); err != nil {
		return err
	}
	text, err := until(conn, "\r\n\r\n")
	if err != nil {
		return err
	}
	_, session, _ := strings.Cut(text, "Session: ")
	session, _, _ = strings.Cut(session, ";")
	if _, err := fmt.Fprintf(conn, "PLAY %s RTSP/1.0\r\nCSeq: 2\r\nSession: %s\r\n\r\n", url, session); err != nil {
		return err
	}
	_, err = until(conn, "\r\n\r\n$")
	return err
}

func (c *crowd) beginFMP4(conn net.Conn, stream string) error {
	if _, err := fmt.Fprintf(conn, "GET /mp4/live/%s.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n", stream); err != nil {
		return err
	}
	_, err := until(conn, "moof")
	return err
}

// beginHLS begins a session, and requests a part that is not made yet.
func (c *crowd) beginHLS(conn net.Conn, stream string) error {
	get := func(file, wait string) (string, error) {
		if _, err := fmt.Fprintf(conn, "GET /mp4/live/%s/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", stream, file); err != nil {
			return "", err
		}
		return until(conn, wait)
	}
	if _, err := get("index.m3u8", "live.m3u8?session="); err != nil {
		return err
	}
	id := make([]byte, 26)
	if _, err := io.ReadFull(conn, id); err != nil {
		return err
	}
	if _, err := get("live.m3u8?session="+string(id), "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""); err != nil {
		return err
	}
	hint, err := until(conn, "\"")
	if err != nil {
		return err
	}
	_, err = get(strings.TrimSuffix(hint, "\""), "moof")
	return err
}

// until reads one byte after another until a text has come, and returns what it has read.
func until(conn net.Conn, text string) (string, error) {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var got []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(got[max(0, len(got)-len(text)):]), text); got = append(got, b[0]) {
		if _, err := conn.Read(b); err != nil {
			return "", err
		}
		if len(got) > 1<<20 || strings.Contains(string(got[:min(len(got), 20)]), " 404 ") {
			return "", fmt.Errorf("no %q", text)
		}
	}
	return string(got), nil
}

// laps returns how often the clip of eight seconds is sent: SOAK_LAPS of make soak-readers.
func laps(t *testing.T) int {
	t.Helper()
	text := os.Getenv("SOAK_LAPS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// Readers of each protocol come, stand still and vanish at random. No recording notices.
func TestReadersComeAndGoWhileStreamsAreRecorded(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	n, source := laps(t), x264Clip(t)
	r := serve(t, "")
	r.expect("reader refused") // one that comes when the publishers have left
	c := &crowd{recorder: r, streams: []string{"live/one", "live/two"}}
	var publishers []*publisher
	for _, stream := range c.streams {
		r.start(stream, "?wait=true")
		publishers = append(publishers, publish(t, source, r.rtsp+"/"+stream, "tcp", "-re", "-stream_loop", strconv.Itoa(n-1)))
	}
	for _, stream := range c.streams {
		eventually(t, "the stream is live", func() bool { return r.stream(stream).State == "live" })
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers sync.WaitGroup
	for i := range 12 {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		readers.Go(func() {
			for ctx.Err() == nil {
				c.join(ctx, random)
			}
		})
	}
	for _, p := range publishers {
		require.NoError(t, <-p.done, "ffmpeg: %s", &p.book)
	}
	cancel()
	readers.Wait()
	want := n * len(hashesOf(t, "v", source))
	for _, stream := range c.streams {
		r.stop(stream)
		require.Empty(t, r.stream(stream).Drops)
		records := r.awaitRecords(stream, 1)
		require.Len(t, records, 1)
		require.Len(t, hashesOf(t, "v", r.path(records[0].File)), want)
	}
	for kind := range c.reads {
		require.Positive(t, c.reads[kind].Load(), "no reader of kind %d", kind)
	}
	eventually(t, "no reader is left", func() bool {
		code, text := r.ask("GET", "/mp4/connections")
		return code == http.StatusOK && !strings.Contains(string(text), `"reading"`)
	})
	t.Logf("readers by RTSP, fMP4, HLS: %d, %d, %d", c.reads[0].Load(), c.reads[1].Load(), c.reads[2].Load())
}
