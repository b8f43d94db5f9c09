package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// answerTimeout bounds how long a client may take to read an answer that was
// ready when it began to be sent.
const answerTimeout = 30 * time.Second

// buffers keeps the pages' memory: the largest answer is a page of 1000 records.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// answer sends a value as JSON. It is encoded in whole before the first byte is
// sent, so that a value that cannot be encoded is an error and not half an answer.
func answer(w http.ResponseWriter, code int, value any) {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false) // nosniff and the type keep it from being read as a page
	if err := enc.Encode(value); err != nil {
		buf.Reset()
		buf.WriteString(`{"status":"error","error":"the answer cannot be written as JSON"}` + "\n")
		code = http.StatusInternalServerError
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // not every writer can
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(code)
	_, _ = w.Write(buf.Bytes()) // the client went away: nobody to tell
}

// utc is a time as the API writes it, nil for the zero time: RFC 3339 with nine
// digits, so that text sorts as time does.
func utc(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000000000Z")
	return &s
}

// utcNano is utc for a wall clock in nanoseconds, 0 being unknown.
func utcNano(ns int64) *string {
	if ns == 0 {
		return nil
	}
	return utc(time.Unix(0, ns))
}
