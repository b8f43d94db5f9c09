package publishload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/datarhei/gosrt"
)

// srtConn publishes MPEG-TS by SRT.
type srtConn struct {
	transport
	conn    srt.Conn
	latency time.Duration
	gone    chan struct{} // closed when the connection has ended
}

// srtSettled is how long, beyond the latency, a publisher waits for the server to take the last packets.
const srtSettled = time.Second

// srtDialer makes the transport stream of a clip.
func srtDialer(l *Load) (dial, error) {
	clip, err := newTransportClip(l)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, address string, _ int) (connection, error) {
		cfg := srt.DefaultConfig()
		host, err := cfg.UnmarshalURL(address)
		if err != nil {
			return nil, err
		}
		cfg.PayloadSize = datagramBytes
		conn, err := callSRT(ctx, host, cfg)
		if err != nil {
			return nil, err
		}
		c := &srtConn{transport{stream: clip.stream(), out: conn, count: &l.count}, conn, max(cfg.Latency, cfg.PeerLatency), make(chan struct{})}
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			close(c.gone)
		}()
		return c, nil
	}, nil
}

// The calls of a publisher by SRT. gosrt sends its handshake once, and a busy server may lose it. A server forgets a call
// that it took for complete after five seconds of silence.
const (
	srtCalls        = 8
	srtAnswerWithin = 6 * time.Second
)

// callSRT connects to a server, and calls again if it does not answer.
func callSRT(ctx context.Context, host string, cfg srt.Config) (conn srt.Conn, err error) {
	cfg.ConnectionTimeout = srtAnswerWithin
	for range srtCalls {
		began := time.Now()
		conn, err = srt.DialWithContext(ctx, "srt", host, cfg)
		if err == nil || ctx.Err() != nil || time.Since(began) < srtAnswerWithin {
			break
		}
	}
	return conn, err
}

// finish waits until the server has acknowledged all packets, and for the latency, during which it holds them: the end of
// a connection would discard them.
func (c *srtConn) finish() error {
	if err := c.rest(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	go func() {
		select {
		case <-c.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	var s srt.Statistics
	for c.conn.Stats(&s); s.Accumulated.PktSentUnique < c.datagrams || s.Instantaneous.PktSendBuf > 0; c.conn.Stats(&s) {
		if !pause(ctx, 10*time.Millisecond) {
			return fmt.Errorf("the server has not acknowledged %d packets", s.Instantaneous.PktSendBuf)
		}
	}
	pause(ctx, c.latency+srtSettled)
	return nil
}

// close closes the connection. The goroutine of gosrt that reads from the network ends when a later call has taken its
// error, which is not io.EOF.
func (c *srtConn) close() {
	_ = c.conn.Close()
	<-c.gone
	for range 100 {
		if _, err := c.conn.Write(nil); !errors.Is(err, io.EOF) || !pause(context.Background(), 10*time.Millisecond) {
			return
		}
	}
}
