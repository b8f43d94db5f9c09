package conn

import (
	"io"
	"net/http"
	"time"
)

// Body is the body of a request. Three rules hold, whether a handler reads it or not:
//
//   - it arrives in time, else it fails;
//   - while the server waits for it, the connection counts as idle, so that clients
//     that announce a body and send none lock no other client out;
//   - an answer does not wait for it: Finish reads and discards the unread rest.
//     Closing the connection of a client that is still sending would reset it, and
//     the client might lose the answer with the reason (RFC 9112, section 9.6).
type Body struct {
	io.ReadCloser
	conn  *Conn // nil for a request that came through no Listener
	limit time.Duration
	ended bool // read to its end
}

// TakeBody applies these rules to the body of a request. It returns nil for a request without a
// body. The body may have limit bytes and take patience to arrive.
func TakeBody(w http.ResponseWriter, r *http.Request, limit int64, patience time.Duration) *Body {
	if r.ContentLength == 0 {
		return nil
	}
	ctl := http.NewResponseController(w) // the calls fail on a writer without a connection
	_ = ctl.SetReadDeadline(time.Now().Add(patience))
	_ = ctl.EnableFullDuplex() // else net/http reads the rest before it answers
	if r.ProtoMajor < 2 && (r.ContentLength > limit || r.Header.Get("Expect") != "") {
		// A client with 100-continue that is refused need not send the body, and a client with
		// Connection: close need not send the rest.
		w.Header().Set("Connection", "close")
	}
	b := &Body{ReadCloser: r.Body, conn: of(r.Context()), limit: patience}
	r.Body = http.MaxBytesReader(w, b, limit)
	return b
}

// Read reads from the client, and waits for it if needed.
func (b *Body) Read(p []byte) (int, error) {
	b.conn.count(0, 1)
	defer b.conn.count(0, -1)
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// lingerBytes bounds the part of an unwanted body that is read for the sake of the answer.
const lingerBytes = 64 << 20

// Finish sends the answer and reads the body to its end, within its time and lingerBytes. It is
// called after the handler. It does nothing for HTTP/2, which ends a stream by itself.
func (b *Body) Finish(w http.ResponseWriter, r *http.Request) {
	if b == nil || b.ended || r.ProtoMajor >= 2 {
		return
	}
	ctl := http.NewResponseController(w)
	_ = ctl.Flush()
	_ = ctl.SetReadDeadline(time.Now().Add(b.limit))
	if _, err := io.CopyN(io.Discard, b, lingerBytes); err != io.EOF {
		panic(http.ErrAbortHandler) // the next bytes are not the next request
	}
}
