package rtsp

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
)

// listening returns one accepted connection, and the client's side of it.
func listening(t *testing.T, announce time.Duration) (*serverConn, *talk) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln := newListener(tcp, New(Config{AnnounceTimeout: announce}, nil, newFixture(t).log), nil)
	t.Cleanup(func() { _ = ln.Close() })
	k := dial(t, tcp.Addr().String())
	c, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c.(*serverConn), k
}

func requestOf(t *testing.T, text string) *base.Request {
	t.Helper()
	var req base.Request
	require.NoError(t, req.Unmarshal(bufio.NewReader(strings.NewReader(text))))
	return &req
}

func refuseAll(context.Context, ingest.AccessRequest) error {
	return errors.New("wrong")
}

// recording publishes over TCP.
func recording(t *testing.T, host, addr, path string) *talk {
	t.Helper()
	k := from(t, host, addr)
	u := "rtsp://" + addr + "/" + path
	require.Equal(t, "RECORD: 200 OK", k.publish(u, u+"/streamid=0", u))
	return k
}

// stays sends a request to check that a connection is open.
func (k *talk) stays() bool { return k.ask("OPTIONS", "*") == "200 OK" }

func TestSilentConnectionsKeepNoCameraOut(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{MaxConnections: 40, AnnounceTimeout: deadline})
	first := recording(t, "127.0.0.1", addr, "first")
	for i := range 1000 {
		c := from(t, []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}[i%5], addr)
		if i%10 == 0 {
			_ = c.write("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
		}
	}
	file := clip(t, "h264", x264...)
	wait := r.record("live/a/b")
	ffmpeg(t, "-i", file, "-c", "copy", "-max_delay", "1000", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+addr+"/live/a/b")
	compare(t, file, codec.H264, wait(), 1)
	require.True(t, first.stays(), "a recording connection is not closed")
	require.Less(t, strings.Count(r.book.String(), "given up for a new one"), 15, "a flood does not fill the log")
}

func TestTheLongestWaitingConnectionIsClosed(t *testing.T) {
	r := newFixture(t)
	s, addr := r.serve(Config{MaxConnections: 4, MaxPerAddress: 9, AnnounceTimeout: deadline})
	a, b, c := dial(t, addr), dial(t, addr), dial(t, addr)
	require.True(t, a.stays())
	require.Equal(t, "200 OK", b.ask("ANNOUNCE", "rtsp://"+addr+"/b"), "an ANNOUNCE puts it behind the other connections")
	require.True(t, c.stays())
	d := dial(t, addr)
	require.True(t, d.stays())
	for _, gone := range []*talk{a, c, b, d} {
		next := dial(t, addr)
		require.True(t, next.stays())
		gone.closes()
	}
	require.Equal(t, clients.Counts{Connections: 4, GivenUp: 4}, s.Counts())
}

func TestANewConnectionIsRefusedIfAllOthersRecord(t *testing.T) {
	r := newFixture(t)
	s, addr := r.serve(Config{MaxConnections: 2})
	one, two := recording(t, "127.0.0.1", addr, "1"), recording(t, "127.0.0.1", addr, "2")
	for range 100 {
		dial(t, addr).closes()
	}
	require.Less(t, strings.Count(r.book.String(), "connection refused"), 15, "a flood does not fill the log")
	require.Equal(t, clients.Counts{Connections: 2, Refused: 100}, s.Counts())
	require.True(t, one.stays())
	require.Equal(t, "200 OK", two.ask("TEARDOWN", "rtsp://"+addr+"/2", "Session: "+two.session))
	require.True(t, dial(t, addr).stays(), "there is room again")
	two.closes()
}

func TestOneAddressTakesItsShareOnly(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{MaxConnections: 40, AnnounceTimeout: deadline}) // 10 of an address
	var cameras []*talk
	for _, path := range strings.Split("a b c d e f g h i j k l", " ") { // more than may wait
		cameras = append(cameras, recording(t, "127.0.0.1", addr, path))
	}
	neighbour := from(t, "127.0.0.2", addr)
	var strangers []*talk
	for range 100 {
		strangers = append(strangers, dial(t, addr))
	}
	for _, k := range strangers[:90] {
		k.closes()
	}
	for _, k := range append(append(cameras, neighbour), strangers[90:]...) {
		require.True(t, k.stays())
	}
}

func TestAThousandConnectionsAreFewOpen(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{MaxConnections: 20, AnnounceTimeout: 10 * deadline})
	var all []*talk
	for range 1000 {
		all = append(all, dial(t, addr))
	}
	open := 0
	for _, k := range all[:980] {
		k.closes()
	}
	for _, k := range all[980:] {
		require.NoError(t, k.c.SetReadDeadline(time.Now().Add(time.Millisecond)))
		if _, err := k.in.ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	require.LessOrEqual(t, open, 20)
	require.Positive(t, open)
}
