package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	srt "github.com/datarhei/gosrt"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func TestMain(m *testing.M) {
	// After Close the reader of a client of gosrt may wait for a call of Read that would take its error.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/datarhei/gosrt.DialWithContext.func1"))
}

// patience is longer than anything takes.
const patience = 2 * time.Minute

func config() Config {
	return Config{Latency: 120 * time.Millisecond, MaxLatency: 8 * time.Second, Memory: &Memory{LimitBytes: 64 << 20}, Clock: pipeline.SystemClock}
}

// received is what a connection has delivered.
type received struct {
	mu      sync.Mutex
	numbers []uint32 // the first four bytes of each packet
	lost    uint64
	times   []time.Time
	err     error
	done    chan struct{}
	conn    *Conn
}

func (r *received) take(p Packet) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers = append(r.numbers, binary.BigEndian.Uint32(p.Data))
	r.times = append(r.times, p.At)
	r.lost += p.Lost
	return nil
}

func (r *received) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.numbers)
}

func (r *received) run(ctx context.Context, c *Conn) {
	r.err = c.Run(ctx, r.take, func(time.Time) error { return nil })
	close(r.done)
}

func (r *received) wait(t *testing.T) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		require.Fail(t, "the connection does not end")
	}
}

// listen serves with accept, which gets each request on a goroutine of its own.
func listen(t *testing.T, cfg Config, accept func(context.Context, *Request)) *Listener {
	t.Helper()
	env := pipelinetest.Env()
	tasks := pipeline.NewTasks(env.Log, env.Clock)
	l, err := Listen("127.0.0.1:0", cfg)
	require.NoError(t, err)
	tasks.Go("listener", func(ctx context.Context) error {
		return l.Serve(ctx, func(r *Request) {
			tasks.Go("request", func(ctx context.Context) error { accept(ctx, r); return nil })
		})
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		require.NoError(t, tasks.Stop(context.Background()))
		l.mu.Lock()
		defer l.mu.Unlock()
		require.Empty(t, l.conns)
		require.Empty(t, l.callers)
		require.Zero(t, cfg.Memory.held.Load())
	})
	return l
}

// receiver accepts connections with a passphrase, and returns the first.
func receiver(t *testing.T, cfg Config, passphrase string) (*Listener, chan *received) {
	t.Helper()
	out := make(chan *received, 1000)
	l := listen(t, cfg, func(ctx context.Context, r *Request) {
		c, err := r.Accept(passphrase)
		if err != nil {
			return
		}
		got := &received{done: make(chan struct{}), conn: c}
		out <- got
		got.run(ctx, c)
	})
	return l, out
}

// dial connects with gosrt.
func dial(t *testing.T, to net.Addr, change func(*srt.Config)) (srt.Conn, error) {
	t.Helper()
	cfg := srt.DefaultConfig()
	cfg.StreamId = "publish:live/a"
	if change != nil {
		change(&cfg)
	}
	return srt.Dial("srt", to.String(), cfg)
}

// send writes numbered packets.
func send(t *testing.T, c srt.Conn, n int, pace time.Duration) {
	t.Helper()
	b := make([]byte, 1316)
	next := time.NewTicker(pace)
	defer next.Stop()
	for i := range n {
		binary.BigEndian.PutUint32(b, uint32(i))
		_, err := c.Write(b)
		require.NoError(t, err)
		<-next.C
	}
}

func numbers(n int) (out []uint32) {
	for i := range n {
		out = append(out, uint32(i))
	}
	return out
}

// relay passes datagrams between a caller and a server, both ways. drop decides what is lost, and jitter delays the rest.
func relay(t *testing.T, server net.Addr, jitter time.Duration, drop func(b []byte) bool) net.Addr {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	back, err := net.DialUDP("udp", nil, server.(*net.UDPAddr))
	require.NoError(t, err)
	var mu sync.Mutex // guards client and random
	var client *net.UDPAddr
	random := rand.New(rand.NewPCG(1, 2))
	later := func(b []byte, send func([]byte)) {
		b = append([]byte(nil), b...)
		mu.Lock()
		defer mu.Unlock()
		if drop(b) {
			return
		}
		if jitter == 0 {
			send(b)
			return
		}
		time.AfterFunc(time.Duration(random.Int64N(int64(jitter))), func() { send(b) })
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for b := make([]byte, 2000); ; {
			n, from, err := front.ReadFromUDP(b)
			if err != nil {
				return
			}
			mu.Lock()
			client = from
			mu.Unlock()
			later(b[:n], func(b []byte) { _, _ = back.Write(b) })
		}
	})
	wg.Go(func() {
		for b := make([]byte, 2000); ; {
			n, err := back.Read(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			mu.Lock()
			to := client
			mu.Unlock()
			later(b[:max(n, 0)], func(b []byte) { _, _ = front.WriteToUDP(b, to) })
		}
	})
	t.Cleanup(func() { _, _ = front.Close(), back.Close(); wg.Wait() })
	return front.LocalAddr()
}

// drained waits until the peer has acknowledged all that c has sent.
func drained(t *testing.T, c srt.Conn) {
	t.Helper()
	require.Eventually(t, func() bool {
		var s srt.Statistics
		c.Stats(&s)
		return s.Instantaneous.PktSendBuf == 0
	}, patience, time.Millisecond)
}
