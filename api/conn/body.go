package conn

import (
	"io"
	"net/http"
	"time"
)

// Body is the body of a request. It bounds the resources that a slow client takes:
//
//   - Read fails if the body has not arrived within the patience of TakeBody;
//   - while Read waits for the client, the connection counts as idle, and may be closed for
//     a new one: clients that announce a body and send none lock no other client out;
//   - a handler may answer without reading the body: Finish sends the answer at once and
//     then reads and discards the rest. If the server closed the connection while the client
//     is still sending, the client might lose the answer (RFC 9112, 9.6).
type Body struct {
	io.ReadCloser
	conn  *Conn         // nil if the request did not come through a Listener
	limit time.Duration // longest time that Finish waits for the rest of the body: the patience of TakeBody
	ended bool          // the body has been read to its end
}

// TakeBody replaces r.Body by one with the rules of Body, and returns that Body, nil for a request
// without a body. Reading more than limit bytes fails with http.MaxBytesError. The body must arrive
// within patience, from now. The caller calls Finish after the handler.
func TakeBody(w http.ResponseWriter, r *http.Request, limit int64, patience time.Duration) *Body {
	if r.ContentLength == 0 {
		return nil
	}
	ctl := http.NewResponseController(w) // its methods fail, without harm, for a writer without a connection
	_ = ctl.SetReadDeadline(time.Now().Add(patience))
	_ = ctl.EnableFullDuplex() // otherwise net/http reads the rest of the body before it sends the answer
	if r.ProtoMajor < 2 && (r.ContentLength > limit || r.Header.Get("Expect") != "") {
		// A client that waits for 100 Continue and gets an error instead need not send the body. At
		// Connection: close a client may stop sending a body that is too large.
		w.Header().Set("Connection", "close")
	}
	b := &Body{ReadCloser: r.Body, conn: of(r.Context()), limit: patience}
	r.Body = http.MaxBytesReader(w, b, limit)
	return b
}

// Read reads from the body; see io.Reader. While it waits for the client, the connection counts as
// idle.
func (b *Body) Read(p []byte) (int, error) {
	b.conn.count(0, 1)
	defer b.conn.count(0, -1)
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

// lingerBytes bounds the part of an unread body that is read and discarded, so that the client gets
// the answer.
const lingerBytes = 64 << 20

// Finish sends the answer that the handler has written, then reads and discards the rest of the body,
// at most lingerBytes and for at most the patience of TakeBody. If the body does not end within these,
// it closes the connection by a panic with http.ErrAbortHandler. It does nothing for a nil Body, and
// nothing for HTTP/2, in which the end of a stream does not end the connection.
func (b *Body) Finish(w http.ResponseWriter, r *http.Request) {
	if b == nil || b.ended || r.ProtoMajor >= 2 {
		return
	}
	ctl := http.NewResponseController(w)
	_ = ctl.Flush()
	_ = ctl.SetReadDeadline(time.Now().Add(b.limit))
	if _, err := io.CopyN(io.Discard, b, lingerBytes); err != io.EOF {
		panic(http.ErrAbortHandler) // the next bytes of the connection are not the next request
	}
}
