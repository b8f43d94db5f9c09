package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// answerTimeout is the time in which a client must read an answer; after it, the server closes the
// connection. For the file of a recording, Limits.Stall applies instead.
const answerTimeout = 30 * time.Second

// buffers holds the buffers in which answers are encoded, for reuse.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// answer sends a value as JSON with an HTTP status code. It encodes the whole value before it sends
// the first byte, so that a value that cannot be encoded becomes a complete answer with code 500.
func answer(w http.ResponseWriter, code int, value any) {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false) // X-Content-Type-Options: nosniff keeps a browser from reading the answer as HTML
	if err := enc.Encode(value); err != nil {
		buf.Reset()
		buf.WriteString(`{"status":"error","error":"the answer cannot be written as JSON"}` + "\n")
		code = http.StatusInternalServerError
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // not every writer supports it
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(code)
	_, _ = w.Write(buf.Bytes()) // an error means that the client has left
}

// utc formats a time as RFC 3339 in UTC, always with nine digits of a second, so that the texts sort
// in the order of the times. It returns nil for the zero time.
func utc(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000000000Z")
	return &s
}

// utcNano formats a time in nanoseconds since 1970-01-01 UTC in the form of utc. It returns nil for
// 0.
func utcNano(ns int64) *string {
	if ns == 0 {
		return nil
	}
	return utc(time.Unix(0, ns))
}
