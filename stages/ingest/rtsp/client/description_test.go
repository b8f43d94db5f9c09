package client

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestADescriptionWithoutLengthThatDoesNotEnd reads descriptions without Content-Length that break a bound: the error
// names the bound.
func TestADescriptionWithoutLengthThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	for says, rest := range map[string]func(w *wireConn){
		"DESCRIBE: the session description, which has no Content-Length, is longer than 64 KiB": func(w *wireConn) {
			w.write(strings.Repeat("a=x\r\n", 64<<10/5))
		},
		"DESCRIBE: the session description, which has no Content-Length, has not ended within 2s": func(w *wireConn) {
			for at := time.NewTicker(50 * time.Millisecond); ; {
				select {
				case <-w.gone:
					at.Stop()
					return
				case <-at.C:
					w.write("a=x\r\n")
				}
			}
		},
		"DESCRIBE: the server closed the connection": func(w *wireConn) { _ = w.nc.Close() },
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on["DESCRIBE"] = func(w *wireConn, _ *ask) bool {
				w.reply("200 OK")
				w.write(w.sdp)
				w.running.Go(func() { rest(w) })
				return true
			}
			got := play(t, context.Background(), Options{URL: f.url("/cam"), ReadTimeout: 2 * time.Second})
			require.EqualError(t, got.err, says)
		})
	}
}

// FuzzEndless reads any bytes as a description without Content-Length, in pieces of any size: it keeps their beginning.
func FuzzEndless(f *testing.F) {
	f.Add("v=0\r\nm=video 0 RTP/AVP 96\r\na=x", 3)
	f.Add("v=0\n\nm=x", 1)
	f.Add("m=x\r$\x00\x00\x00", 2)
	f.Fuzz(func(t *testing.T, text string, size int) {
		waits := 0
		r := newReader(&pieces{text, max(1, size)}, nil, nil)
		out, err := r.endless(func() { waits++ })
		require.True(t, strings.HasPrefix(text, string(out)))
		require.LessOrEqual(t, len(out), maxBodyBytes)
		require.LessOrEqual(t, waits, len(text)+1)
		if err == nil { // the next message begins
			next, err := r.br.Peek(1)
			require.NoError(t, err)
			require.Equal(t, text[len(out)], next[0])
		}
	})
}

// pieces reads a text in pieces of a size.
type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	n := copy(b[:min(len(b), p.size)], p.text)
	if p.text = p.text[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
