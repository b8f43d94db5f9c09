package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// answerTimeout bounds how long a client may take to read a complete answer.
const answerTimeout = 30 * time.Second

// buffers reuses the memory of answers. The largest is a page of 1000 records.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// answer sends a value as JSON. It encodes the whole value before it sends the first byte, so that
// a value that cannot be encoded is an error and not half an answer.
func answer(w http.ResponseWriter, code int, value any) {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false) // nosniff and the type prevent a browser from reading it as HTML
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

// utc formats a time in RFC 3339 with nine digits, so that text sorts as time does. The zero time
// is nil.
func utc(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000000000Z")
	return &s
}

// utcNano is utc for nanoseconds since 1970; 0 is nil.
func utcNano(ns int64) *string {
	if ns == 0 {
		return nil
	}
	return utc(time.Unix(0, ns))
}
