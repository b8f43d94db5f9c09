package srt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
	"syscall"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/srt/transport"
)

// puller of a hub without a server.
type pulled struct {
	t    *testing.T
	hub  *hub.Hub
	book *pipelinetest.Log
}

func pull(t *testing.T, url string) *pulled {
	t.Helper()
	p := &pulled{t: t, book: &pipelinetest.Log{}}
	log := slog.New(slog.NewTextHandler(p.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	p.hub = hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: log, Linger: time.Millisecond})
	require.NoError(t, p.hub.Configure(path, hub.StreamConfig{Pull: url}))
	sub, err := p.hub.Subscribe(path)
	require.NoError(t, err)
	t.Cleanup(func() {
		sub.Close()
		p.hub.Close()
		require.NoError(t, tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(p.book.String())
		}
	})
	return p
}

func (p *pulled) info() media.StreamInfo {
	info, _ := p.hub.Info(path)
	return info
}

func (p *pulled) fails(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.info().LastError != "" }, patience, time.Millisecond)
	require.Contains(p.t, p.info().LastError, text)
}

// freePort returns a UDP port that nothing uses at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// ffmpeg waits as listener, and spool calls it; and the other way round.
func TestFFmpegIsPulled(t *testing.T) {
	file := clip(t)
	for name, c := range map[string]struct{ pull, ffmpeg string }{
		"ffmpeg listens": {"srt://127.0.0.1:%d?passphrase=c4n4ry4c4n4ry&pbkeylen=32", "srt://127.0.0.1:%d?mode=listener&passphrase=c4n4ry4c4n4ry&linger=5"},
		"ffmpeg calls":   {"srt://127.0.0.1:%d?mode=listener&passphrase=c4n4ry4c4n4ry", "srt://127.0.0.1:%d?passphrase=c4n4ry4c4n4ry&linger=5"},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			p := pull(t, fmt.Sprintf(c.pull, port))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-re", "-i", file, "-map", "0", "-c", "copy", "-f", "mpegts", fmt.Sprintf(c.ffmpeg, port)).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Eventually(t, func() bool { return p.info().AccessUnits == units(t, file) }, patience, 10*time.Millisecond, "%+v", p.info())
			require.Empty(t, p.info().Losses)
			require.Equal(t, fmt.Sprintf("srt://127.0.0.1:%d/…", port), p.info().Pull)
			require.NotContains(t, p.book.String(), "c4n4ry")
		})
	}
}

func TestPullsThatFail(t *testing.T) {
	t.Run("nothing listens", func(t *testing.T) {
		pull(t, fmt.Sprintf("srt://127.0.0.1:%d", freePort(t))).fails("refused")
	})
	t.Run("rejected", func(t *testing.T) {
		f := newFixture(t)
		p := pull(t, "srt://"+f.address()+"?streamid=read:live/b:ann:c4n4ry")
		p.fails("the mode in the streamid is not offered (code 1405)")
		require.NotContains(t, p.book.String()+f.book.String(), "c4n4ry")
	})
	t.Run("a wrong passphrase", func(t *testing.T) {
		port := freePort(t)
		cfg := gosrt.DefaultConfig()
		l, err := gosrt.Listen("srt", fmt.Sprint("127.0.0.1:", port), cfg)
		require.NoError(t, err)
		defer l.Close()
		go func() {
			for {
				r, err := l.Accept2()
				if err != nil {
					return
				}
				if r.SetPassphrase("0123456789") != nil {
					r.Reject(gosrt.REJ_BADSECRET)
				}
			}
		}()
		p := pull(t, fmt.Sprintf("srt://127.0.0.1:%d?passphrase=c4n4ry4c4n4ry", port))
		p.fails("the passphrase is wrong (code 10)")
		require.NotContains(t, p.book.String(), "c4n4ry4")
	})
}

// A pull of this package's own kind: one waits, and a publisher of another process calls. A second caller is rejected.
func TestASecondCallerIsRejected(t *testing.T) {
	port := freePort(t)
	p := pull(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener", port))
	to := fmt.Sprint("127.0.0.1:", port)
	var first gosrt.Conn
	require.Eventually(t, func() bool {
		var err error
		first, err = gosrt.Dial("srt", to, gosrt.DefaultConfig())
		return err == nil
	}, patience, time.Millisecond)
	defer first.Close()
	_, err := gosrt.Dial("srt", to, gosrt.DefaultConfig())
	require.Error(t, err)
	require.Zero(t, p.info().PullFailed)
}

// Callers whose passphrase is checked do not hold the listener up, and those that wait for it are bounded.
func TestCallersAreCheckedBesideTheListener(t *testing.T) {
	tasks := pipeline.NewTasks(slog.New(slog.DiscardHandler), pipeline.SystemClock)
	defer func() { require.NoError(t, tasks.Stop(context.Background())) }()
	to := fmt.Sprint("127.0.0.1:", freePort(t))
	u, err := url.Parse("srt://" + to + "?mode=listener")
	require.NoError(t, err)
	made, err := newPuller(hub.PullOptions{URL: u, Clock: pipeline.SystemClock, Go: tasks.Go})
	require.NoError(t, err)
	p, release := made.(*puller), make(chan struct{})
	accept := p.accept
	p.accept = func(r *transport.Request, passphrase string) (*transport.Conn, error) {
		<-release
		return accept(r, passphrase)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- p.Pull(ctx, nil) }()
	const callers = maxWaiting + 2 // one is checked, and one is too many
	results := make(chan error, callers)
	for range callers {
		go func() {
			for {
				c, err := transport.Dial(ctx, to, transport.CallConfig{
					Config:  transport.Config{Latency: time.Second, MaxLatency: time.Second, Memory: &transport.Memory{}, Clock: pipeline.SystemClock},
					Timeout: patience, Go: tasks.Go,
				})
				if err == nil {
					c.HangUp(nil)
					_ = c.Run(ctx, func(transport.Packet) error { return nil }, func(time.Time) error { return nil })
				}
				if !errors.Is(err, syscall.ECONNREFUSED) { // the port is not open yet
					results <- err
					return
				}
			}
		}()
	}
	select {
	case err := <-results:
		require.ErrorIs(t, err, transport.RejectedOverload)
	case <-time.After(patience):
		require.Fail(t, "the listener does not answer while it checks a caller")
	}
	cancel()
	close(release)
	require.ErrorIs(t, <-ended, context.Canceled)
	for range callers - 1 {
		<-results
	}
}
