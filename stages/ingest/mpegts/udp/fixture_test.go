package udp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds events that must happen at all; it measures no speed.
const patience = time.Minute

const path = "live/a"

// fixture is a server with a hub.
type fixture struct {
	t      *testing.T
	hub    *hub.Hub
	tasks  *pipeline.Tasks
	clock  *pipelinetest.Clock
	book   *pipelinetest.Log
	server *Server
	to     string // address of the input
	stop   func() // of the server
}

// freePort returns a UDP port of this machine that is free.
func freePort(t testing.TB) int {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func newFixture(t *testing.T, options string, change ...func(*Settings, *ingest.ServerDeps)) *fixture {
	t.Helper()
	f := &fixture{t: t, book: &pipelinetest.Log{}, to: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	log := slog.New(slog.NewTextHandler(f.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.tasks = pipeline.NewTasks(log, pipeline.SystemClock)
	f.hub = hub.New(pipelinetest.Pool(t), f.tasks, hub.Config{Log: log})
	s := Settings{ServerSettings: ingest.DefaultServerSettings(""), Inputs: []Input{{path, "udp://" + f.to + options}}}
	d := ingest.ServerDeps{Hub: f.hub, Tasks: f.tasks, Clock: pipeline.SystemClock, Log: log}
	for _, c := range change {
		c(&s, &d)
	}
	f.server = New(s, d)
	f.stop = f.tasks.Go("mpegts", f.server.Run)
	select {
	case <-f.server.Ready():
	case <-time.After(patience):
		require.Fail(t, "the server does not listen", f.book.String())
	}
	t.Cleanup(func() {
		f.hub.Close()
		require.NoError(t, f.tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

// sender sends datagrams from a socket of its own.
type sender struct {
	t testing.TB
	c net.Conn
}

func (f *fixture) sender() *sender {
	f.t.Helper()
	c, err := net.Dial("udp", f.to)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = c.Close() })
	return &sender{f.t, c}
}

func (s *sender) send(b []byte) {
	s.t.Helper()
	_, err := s.c.Write(b)
	require.NoError(s.t, err)
}

// stream returns a transport stream of H.264 and AAC.
func stream(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/h264_aac.ts")
	require.NoError(t, err)
	return b
}

// datagrams splits a stream as senders do.
func datagrams(b []byte) (all [][]byte) {
	for len(b) > 0 {
		n := min(len(b), 7*188)
		all, b = append(all, b[:n]), b[n:]
	}
	return all
}

func (s *sender) stream() {
	s.t.Helper()
	for _, d := range datagrams(stream(s.t)) {
		s.send(d)
	}
}

func (f *fixture) eventually(what string, is func() bool) {
	f.t.Helper()
	require.Eventually(f.t, is, patience, 5*time.Millisecond, what)
}

// units returns the number of access units of the stream.
func (f *fixture) units() uint64 {
	i, _ := f.hub.Info(path)
	return i.AccessUnits
}

func (f *fixture) losses(cause string) uint64 {
	i, _ := f.hub.Info(path)
	for _, l := range i.Losses {
		if l.Cause == cause {
			return l.Count
		}
	}
	return 0
}

// says waits until the log has a text.
func (f *fixture) says(text string) {
	f.t.Helper()
	f.eventually("the log says: "+text, func() bool { return strings.Contains(f.book.String(), text) })
}

func (f *fixture) publishing() bool {
	for _, c := range f.server.Connections() {
		if c.State == media.ConnectionPublishing {
			return true
		}
	}
	return false
}
