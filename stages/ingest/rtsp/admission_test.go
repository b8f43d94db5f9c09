package rtsp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/ingest"
)

// announceOf returns an ANNOUNCE with a body of its own.
func announceOf(url, body string, headers ...string) string {
	headers = append(headers, fmt.Sprintf("Content-Length: %d", len(body)), "", "")
	return "ANNOUNCE " + url + " RTSP/1.0\r\nCSeq: 1\r\n" + strings.Join(headers, "\r\n") + body
}

// manyFormats returns a description of the given size, each format listed and none readable.
func manyFormats(bytes int) string {
	head := strings.TrimSuffix(announceSDP[:strings.Index(announceSDP, "m=")], "")
	tail := "\r\na=rtpmap:0 opus/x\r\n"
	return head + "m=video 0 RTP/AVP" + strings.Repeat(" 0", (bytes-len(head)-len(tail)-17)/2) + tail
}

const sdpType = "Content-Type: application/sdp"

func basic(user, pass string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))
}

// asks is an Authorizer of one function.
type asks func(context.Context, ingest.AccessRequest) error

// Authorize calls the function.
func (f asks) Authorize(ctx context.Context, q ingest.AccessRequest) error { return f(ctx, q) }

// guarded runs a server that knows one user, and counts the calls of its Authorizer.
func (r *fixture) guarded(cfg Config) (s *Server, addr string, asked *atomic.Int64) {
	asked = &atomic.Int64{}
	cfg.Authorizer = asks(func(_ context.Context, q ingest.AccessRequest) error {
		asked.Add(1)
		if q.Credentials != (ingest.Credentials{Name: "cam", Password: "right"}) {
			return errors.New("wrong")
		}
		return nil
	})
	s, addr = r.serve(cfg)
	return s, addr, asked
}

func TestADescriptionIsReadAfterThePasswordOnly(t *testing.T) {
	r := newFixture(t)
	s, addr, asked := r.guarded(Config{})
	u := "rtsp://" + addr + "/live/x"
	for name, tc := range map[string]struct {
		request, want string
		reads         int64
	}{
		"hostile, no password":    {announceOf(u, manyFormats(128<<10), sdpType), "401 Unauthorized", 0},
		"hostile, wrong password": {announceOf(u, manyFormats(128<<10), sdpType, basic("cam", "wrong")), "401 Unauthorized", 0},
		"garbage, no password":    {announceOf(u, "\x00\xff garbage"), "401 Unauthorized", 0},
		"empty, no password":      {announceOf(u, ""), "401 Unauthorized", 0},
		"bad path, no password":   {announceOf("rtsp://"+addr+"/a//b", manyFormats(9000)), "401 Unauthorized", 0},
		"bad path":                {announceOf("rtsp://"+addr+"/a//b", manyFormats(9000), basic("cam", "right")), "400 Bad Stream Path", 0},
		"hostile":                 {announceOf(u, manyFormats(128<<10), sdpType, basic("cam", "right")), "413 the session description is 131071 bytes long, at most 16384 are read", 0},
		"one byte too many":       {announceOf(u, announceSDP+strings.Repeat("x", maxDescriptionBytes+1-len(announceSDP)), sdpType, basic("cam", "right")), "413 the session description is 16385 bytes long, at most 16384 are read", 0},
		"a camera's":              {announceOf(u, announceSDP, sdpType, basic("cam", "right")), "200 OK", 1},
	} {
		t.Run(name, func(t *testing.T) {
			before, asking := s.descriptions.Load(), asked.Load()
			require.Equal(t, []string{tc.want}, exchange(t, addr, tc.request))
			require.Equal(t, tc.reads, s.descriptions.Load()-before, "descriptions read")
			require.EqualValues(t, 1, asked.Load()-asking, "a password is checked once")
		})
	}
}

// A request that gortsplib refuses anyway is neither authorized nor read.
func TestAnInvalidAnnounceCostsNothing(t *testing.T) {
	r := newFixture(t)
	s, addr, asked := r.guarded(Config{})
	body := manyFormats(128 << 10)
	long := func(head string) string {
		return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	for _, request := range []string{
		long("ANNOUNCE * RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"),
		long("ANNOUNCE rtsp://" + addr + "/x RTSP/1.0\r\nContent-Type: application/sdp\r\n"),
		long("SETUP rtsp://" + addr + "/x RTSP/1.0\r\nCSeq: 1\r\n"),
		long("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n"),
	} {
		require.NotEqual(t, "closed", exchange(t, addr, request)[0])
	}
	k := dial(t, addr)
	require.Equal(t, "200 OK", k.ask("ANNOUNCE", "rtsp://"+addr+"/x", basic("cam", "right")))
	_, err := k.c.Write([]byte(announceOf("rtsp://"+addr+"/x", body, sdpType, basic("cam", "right"))))
	require.NoError(t, err)
	_, _ = k.in.ReadString(0)
	require.EqualValues(t, 1, s.descriptions.Load())
	require.EqualValues(t, 1, asked.Load(), "not for a session that has announced")
}

func TestAnyContentTypeIsADescriptions(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	for i, headers := range [][]string{
		{}, {"Content-Type: Application/SDP"}, {"Content-Type: application/sdp; charset=utf-8"}, {"content-type: application/x-sdp"}, {sdpType, sdpType},
	} {
		got := exchange(t, addr, announceOf(fmt.Sprintf("rtsp://%s/x%d", addr, i), announceSDP, headers...))
		require.Equal(t, []string{"200 OK"}, got, headers)
	}
}

// Requests of clients that have left are dropped when their turn comes.
func TestHangingUpStopsTheWork(t *testing.T) {
	r := newFixture(t)
	noticed := make(chan struct{}, 20)
	s, addr := r.serve(Config{Authorizer: asks(func(ctx context.Context, _ ingest.AccessRequest) error {
		for ctx.Err() == nil { // a queue for passwords checks this when the turn comes
			time.Sleep(time.Millisecond)
		}
		noticed <- struct{}{}
		return nil
	})})
	for i := range cap(noticed) {
		k := dial(t, addr)
		_, err := k.c.Write([]byte(announce(fmt.Sprintf("rtsp://%s/x%d", addr, i))))
		require.NoError(t, err)
		require.NoError(t, k.c.Close())
	}
	for range cap(noticed) {
		<-noticed
	}
	eventually(t, "all were dropped", func() bool { return strings.Count(r.book.String(), "the client hung up") == cap(noticed) })
	require.Zero(t, s.descriptions.Load())
	eventually(t, "their places are free", func() bool { return len(s.reading) == 0 })
}

// TestAPanicOverARequestIsAnswered breaks the server from inside.
func TestAPanicOverARequestIsAnswered(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{Authorizer: asks(func(_ context.Context, q ingest.AccessRequest) error {
		if q.Credentials.Name == "broken" {
			panic("broken")
		}
		return nil
	})})
	u := "rtsp://" + addr + "/x"
	require.Equal(t, []string{"500 Internal Server Error", "200 OK"}, exchange(t, addr, announceOf(u, announceSDP, basic("broken", "x")), announceOf(u, announceSDP)))
	require.Contains(t, r.book.String(), "panic over a request")
}

func TestFewDescriptionsAreReadAtOnce(t *testing.T) {
	r := newFixture(t)
	s, addr, asked := r.guarded(Config{})
	for range cap(s.reading) {
		s.reading <- struct{}{}
	}
	answers := make(chan string)
	const clients = 8
	for i := range clients {
		go func() {
			answers <- exchange(t, addr, announceOf(fmt.Sprintf("rtsp://%s/x%d", addr, i), announceSDP, basic("cam", "right")))[0]
		}()
	}
	eventually(t, "all wait", func() bool { return asked.Load() == clients })
	require.Zero(t, s.descriptions.Load())
	for range cap(s.reading) {
		<-s.reading
	}
	for range clients {
		require.Equal(t, "200 OK", <-answers)
	}
	require.EqualValues(t, clients, s.descriptions.Load())
}

func TestAFloodOfRefusalsDoesNotFillTheLog(t *testing.T) {
	r := newFixture(t)
	s, addr := r.serve(Config{})
	const n = 5 * sparinglog.LinesAMinute
	for i := range n {
		require.Equal(t, "400 Bad Stream Path", exchange(t, addr, announce(fmt.Sprintf("rtsp://%s/a//b%d", addr, i)))[0])
	}
	require.Equal(t, sparinglog.LinesAMinute, strings.Count(r.book.String(), "publisher refused"))
	require.EqualValues(t, n, s.Counts().Publishers)
}
