package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/media"
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

// Error is an error whose text the client sees. The text must hold no path of the machine, no SQL
// and no secret.
type Error struct {
	Code  int // HTTP status
	Text  string
	Retry time.Duration // time after which the client may retry, sent as Retry-After; 0: not sent
	Cause error         // the underlying error, which only the log shows; may be nil
}

// Error returns e.Text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns e.Cause.
func (e *Error) Unwrap() error { return e.Cause }

// BadRequest returns the error of an invalid request (400), with a formatted text.
func BadRequest(format string, a ...any) *Error {
	return failure(http.StatusBadRequest, format, a...)
}

// NotFound returns the error of a request for something that does not exist (404), with a formatted
// text.
func NotFound(format string, a ...any) *Error { return failure(http.StatusNotFound, format, a...) }

// Conflict returns the error of a request that the present state does not allow (409), with a
// formatted text.
func Conflict(format string, a ...any) *Error { return failure(http.StatusConflict, format, a...) }

// errUnknownCursor is the error of a cursor that is too long or cannot be parsed.
var errUnknownCursor = BadRequest("parameter cursor: unknown cursor: take next of the previous page, with the same filters, or leave it out for the first page")

// RecordedBy returns the error of a request that only another recorder can serve, because the file
// of the recording is there (409). node is the name of that recorder.
func RecordedBy(node string) *Error { return Conflict("recorded by %s: ask it", node) }

// Unavailable returns the error of a request that needs a part which does not work now, such as the
// database (503), with a formatted text.
func Unavailable(format string, a ...any) *Error {
	return failure(http.StatusServiceUnavailable, format, a...)
}

func failure(code int, format string, a ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, a...)}
}

// errorAnswer is the JSON body of an error.
type errorAnswer struct {
	Status string `json:"status" enum:"error"`
	Error  string `json:"error" doc:"what was wrong, and what to do"`
}

// fail answers a request with an error. An error that the client must not see is logged with a
// number and answered with 500 and that number, by which an operator finds it in the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := shown(err)
	if e == nil {
		number := media.NewID(s.deps.Clock.Now()).String()
		s.deps.Log.Error("request failed", "number", number, "method", r.Method, "path", r.URL.Path, "error", err)
		e = failure(http.StatusInternalServerError, "internal error, logged as %s", number)
	} else if e.Code >= http.StatusInternalServerError {
		s.deps.Log.Warn("request not served", "code", e.Code, "path", r.URL.Path, slog.Any("error", e), "cause", e.Cause)
	}
	if e.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.Retry.Seconds()))))
	}
	answer(w, e.Code, errorAnswer{"error", e.Text})
}

// shown returns the error that the client may see in place of err: err itself if it is an *Error,
// and an *Error for a wrong query, a body that is too large, or an ended context. It returns nil
// for any other error.
func shown(err error) *Error {
	var e *Error
	var query *params.Error
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &query):
		return BadRequest("%s", query.Text)
	case errors.As(err, &tooBig):
		return failure(http.StatusRequestEntityTooLarge, "the body is larger than the %d bytes that are taken", tooBig.Limit)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: http.StatusServiceUnavailable, Text: "not done in time", Retry: time.Second, Cause: err}
	}
	return nil
}
