package srt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/srt/transport"
)

func init() { hub.RegisterScheme(protocol, newPuller) }

// puller receives the stream of a pull URL.
type puller struct {
	hub.PullOptions
	target
	memory    transport.Memory
	strangers *slog.Logger // for events that any client can cause: drops lines above a rate
	accept    func(r *transport.Request, passphrase string) (*transport.Conn, error)
}

// pullMemoryBytes bounds the data of a pull that is held for the latency.
const pullMemoryBytes = 64 << 20

// pullTimeout is the time to connect, and the longest silence, unless the stream has a read_timeout.
const pullTimeout = 10 * time.Second

// newPuller makes the puller of a URL. It does no I/O.
func newPuller(o hub.PullOptions) (hub.Puller, error) {
	if o.Transport != "" {
		return nil, errors.New("transport has no effect with srt://: it is for rtsp://")
	}
	if o.Fingerprint != "" {
		return nil, errors.New("tls.fingerprint has no effect with srt: it is for connections by TLS")
	}
	t, err := parseTarget(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &puller{PullOptions: o, target: t, memory: transport.Memory{LimitBytes: pullMemoryBytes}, strangers: sparinglog.New(o.Log), accept: (*transport.Request).Accept}, nil
}

// Pull receives the stream until the source ends it, the connection fails or ctx ends. It returns the reason.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	conn, end, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	timeout := cmp.Or(p.ReadTimeout, pullTimeout)
	f := newFlow(flowOptions{clock: p.Clock, log: p.Log, openWithin: timeout, readTimeout: timeout})
	f.publish = func() (*hub.Publisher, error) { return publish(protocol + " " + conn.Remote().String()) }
	defer f.close(endcause.Error, false) // after a panic
	err = conn.Run(ctx, f.data, f.look)
	f.close(endcause.SourceLost, true)
	return err
}

func (p *puller) config() transport.Config {
	return transport.Config{Latency: p.latency, MaxLatency: mostLatency, KeyLength: p.keyLength, Memory: &p.memory, Clock: p.Clock}
}

// connect connects to the source. The caller calls end after Conn.Run.
func (p *puller) connect(ctx context.Context) (c *transport.Conn, end func(), err error) {
	if p.listens {
		return p.await(ctx)
	}
	c, err = transport.Dial(ctx, p.address, transport.CallConfig{
		Config: p.config(), StreamID: p.streamID, Passphrase: p.passphrase, Timeout: cmp.Or(p.ReadTimeout, pullTimeout), Go: p.Go,
	})
	return c, func() {}, err
}

// maxWaiting bounds the callers that wait for the check of their passphrase, which takes milliseconds.
const maxWaiting = 8

// await waits for the source to call. Another that calls while the first is connected is rejected.
func (p *puller) await(ctx context.Context) (*transport.Conn, func(), error) {
	l, err := transport.Listen(p.address, p.config())
	if err != nil {
		return nil, nil, fmt.Errorf("waiting for the source: %w", err)
	}
	callers, conns := make(chan *transport.Request, maxWaiting), make(chan *transport.Conn, 1)
	stopListener := p.Go("srt pull", func(ctx context.Context) error {
		return l.Serve(ctx, func(r *transport.Request) {
			select {
			case callers <- r:
			default:
				r.Reject(transport.RejectedOverload)
			}
		})
	})
	stopChecks := p.Go("srt callers", func(ctx context.Context) error { p.check(ctx, callers, conns); return nil })
	end := func() { _ = l.Close(); stopListener(); stopChecks() }
	select {
	case c := <-conns:
		return c, end, nil
	case <-ctx.Done():
		end()
		return nil, nil, context.Cause(ctx)
	}
}

// check accepts the first caller with the passphrase, and rejects the others, until ctx ends. Keys are derived here, because
// the goroutine of the listener passes the data on.
func (p *puller) check(ctx context.Context, callers <-chan *transport.Request, conns chan<- *transport.Conn) {
	for wanted := true; ; {
		select {
		case <-ctx.Done():
			return
		case r := <-callers:
			if !wanted {
				r.Reject(transport.RejectedConflict)
				continue
			}
			c, err := p.accept(r, p.passphrase)
			if err != nil {
				p.strangers.Warn("source refused", "remote", r.Remote().String(), "error", err)
				continue
			}
			wanted = false
			conns <- c
		}
	}
}
