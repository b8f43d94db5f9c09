package conn

import (
	"io"
	"net/http"
	"time"
)

// Body is what a client sends after the header of its request. Three things
// hold, whether a handler reads it or not:
//
//   - it arrives in time, else it fails;
//   - while it is waited for, the connection counts as idle, so that clients that
//     announce a body and send none lock nobody out;
//   - an answer does not wait for it: what is unread then is read and thrown away
//     (Finish). To close on a client that is still sending would reset the
//     connection, and the client might lose the answer that says why (RFC 9112,
//     section 9.6).
type Body struct {
	io.ReadCloser
	conn  *Conn // nil for a request that came by no listener of ours
	limit time.Duration
	ended bool // read to its end
}

// TakeBody puts the body of a request under these rules, nil where it has none. It may
// have limit bytes and take patience to arrive.
func TakeBody(w http.ResponseWriter, r *http.Request, limit int64, patience time.Duration) *Body {
	if r.ContentLength == 0 {
		return nil
	}
	ctl := http.NewResponseController(w) // a writer that is no connection's can none of this
	_ = ctl.SetReadDeadline(time.Now().Add(patience))
	_ = ctl.EnableFullDuplex() // else net/http reads the rest before it answers
	if r.ProtoMajor < 2 && (r.ContentLength > limit || r.Header.Get("Expect") != "") {
		// Who is refused with 100-continue need not send the body, and who is
		// told to close need not send the rest.
		w.Header().Set("Connection", "close")
	}
	b := &Body{ReadCloser: r.Body, conn: of(r.Context()), limit: patience}
	r.Body = http.MaxBytesReader(w, b, limit)
	return b
}

// Read reads what has come, or waits for it.
func (b *Body) Read(p []byte) (int, error) {
	b.conn.count(0, 1)
	defer b.conn.count(0, -1)
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// lingerBytes is how much of what nobody wants is read for the sake of an answer.
const lingerBytes = 64 << 20

// Finish sends the answer and reads the body to its end, for as long as it may
// take to arrive and within lingerBytes. It is called after the handler; HTTP/2
// ends a stream by itself.
func (b *Body) Finish(w http.ResponseWriter, r *http.Request) {
	if b == nil || b.ended || r.ProtoMajor >= 2 {
		return
	}
	ctl := http.NewResponseController(w)
	_ = ctl.Flush()
	_ = ctl.SetReadDeadline(time.Now().Add(b.limit))
	if _, err := io.CopyN(io.Discard, b, lingerBytes); err != io.EOF {
		panic(http.ErrAbortHandler) // what comes next is not the next request
	}
}
