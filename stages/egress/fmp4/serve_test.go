package fmp4_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
	"github.com/gospool/spool/stages/egress/egresstest"
	live "github.com/gospool/spool/stages/egress/fmp4"
)

// site serves the stream of a camera.
type site struct {
	*egresstest.Camera
	*httptest.Server
	readers   *egress.Readers
	packagers *cmaf.Packagers
}

func newSite(t *testing.T) *site {
	t.Helper()
	c := egresstest.New(t)
	s := &site{Camera: c, readers: egress.NewReaders(c.Hub, nil, 2, slog.New(slog.DiscardHandler), pipeline.SystemClock)}
	s.packagers = cmaf.NewPackagers(c.Hub, c.Tasks, egresstest.Epoch, cmaf.Config{})
	out := &live.Server{
		Readers: s.readers, Packagers: s.packagers, Stall: time.Minute, Now: time.Now,
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := out.Serve(w, r, egresstest.Path, "ann"); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Server.Close)
	return s
}

// get requests the stream; the end of ctx closes the connection.
func (s *site) get(t *testing.T, ctx context.Context, method string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.URL, nil)
	require.NoError(t, err)
	resp, err := s.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// body collects what arrives.
type body struct {
	*http.Response
	got []byte
}

// samples reads until the answer has n samples, and returns their payloads by track.
func (b *body) samples(t *testing.T, n int) (payloads [2][][]byte) {
	t.Helper()
	piece := make([]byte, 64<<10)
	for {
		payloads = [2][][]byte{}
		var parts fmp4.Parts
		at := bytes.Index(b.got, []byte("moof")) - 4
		if at >= 0 && parts.Unmarshal(b.got[bytes.Index(b.got, []byte("prft"))-4:]) == nil {
			for _, p := range parts {
				for _, track := range p.Tracks {
					for _, s := range track.Samples {
						payloads[track.ID-1] = append(payloads[track.ID-1], s.Payload)
					}
				}
			}
			if len(payloads[0])+len(payloads[1]) >= n {
				return payloads
			}
		}
		k, err := b.Body.Read(piece)
		require.NoError(t, err)
		b.got = append(b.got, piece[:k]...)
	}
}

func TestAClientGetsAllUnits(t *testing.T) {
	s := newSite(t)
	s.Publish(640)
	s.Shoot(6, 50)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	resp := s.get(t, ctx, "GET")
	require.Equal(t, `video/mp4; codecs="avc1.42C01E,mp4a.40.2"`, resp.Header.Get("Content-Type"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	s.Shoot(44, 50)
	s.Leave()
	got := (&body{Response: resp}).samples(t, s.Units())
	require.Equal(t, s.Sent[0], got[0])
	require.Equal(t, s.Sent[1], got[1])
	list := s.readers.Connections()
	require.Equal(t, "fmp4 live/a ann reading", list[0].Protocol+" "+list[0].Path+" "+list[0].User+" "+string(list[0].State))
	require.Positive(t, list[0].Sent)

	s.Publish(1280) // the tracks change: the answer ends
	s.Shoot(50, 50)
	s.Leave()
	_, err := io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
}

// A client that comes when a publisher's tracks are new, and none of its parts is complete, waits for these.
func TestAClientBeginsWithTheNewestTracks(t *testing.T) {
	s := newSite(t)
	s.Publish(640)
	s.Shoot(40, 50)
	use, err := s.packagers.Open(egresstest.Path, 0)
	require.NoError(t, err)
	defer use.Close()
	s.Leave()
	s.Publish(1280)
	s.Shoot(2, 50)
	require.Eventually(t, func() bool {
		init, err := use.Tracks(t.Context())
		return err == nil && init.Width == 1280
	}, time.Minute, time.Millisecond)
	answers := make(chan *http.Response)
	go func() { answers <- s.get(t, t.Context(), "GET") }()
	for len(s.readers.Connections()) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.Shoot(20, 50)
	defer s.Leave()
	b := &body{Response: <-answers}
	b.samples(t, 1)
	head, _, _ := bytes.Cut(b.got, []byte("mvex"))
	require.Contains(t, string(head), "\x05\x00\x00\x00\x01\x68\x00\x00", "1280 x 360 in the tkhd")
}

func TestTheConnectionIsClosedByRequest(t *testing.T) {
	s := newSite(t)
	s.Publish(640)
	defer s.Leave()
	s.Shoot(6, 50)
	resp := s.get(t, t.Context(), "GET")
	list := s.readers.Connections()
	require.True(t, s.readers.End(list[0].Protocol, list[0].Number))
	_, err := io.Copy(io.Discard, resp.Body)
	require.True(t, err == nil || errors.Is(err, io.ErrUnexpectedEOF), err)
}

func TestHeadAndRefusals(t *testing.T) {
	s := newSite(t)
	require.Equal(t, 404, s.get(t, t.Context(), "GET").StatusCode)
	s.Publish(640)
	defer s.Leave()
	s.Shoot(6, 50)
	head := s.get(t, t.Context(), "HEAD")
	require.Equal(t, 200, head.StatusCode)
	require.Contains(t, head.Header.Get("Content-Type"), "avc1")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	for range 2 {
		require.Equal(t, 200, s.get(t, ctx, "GET").StatusCode)
	}
	require.Equal(t, 404, s.get(t, ctx, "GET").StatusCode, "too many")
}
