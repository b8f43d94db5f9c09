package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/media"
)

// Error is an error for the client. Its text holds no path of the machine, no SQL and no secret.
type Error struct {
	Code  int // HTTP status
	Text  string
	Retry time.Duration // when to retry; 0: unknown
	Cause error         // for the log only
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// BadRequest refuses an invalid request (400).
func BadRequest(format string, a ...any) *Error {
	return failure(http.StatusBadRequest, format, a...)
}

// NotFound reports that something does not exist (404).
func NotFound(format string, a ...any) *Error { return failure(http.StatusNotFound, format, a...) }

// Conflict reports that the present state does not allow the request (409).
func Conflict(format string, a ...any) *Error { return failure(http.StatusConflict, format, a...) }

// errUnknownCursor refuses a cursor that no answer of this server contained.
var errUnknownCursor = BadRequest("parameter cursor: unknown cursor: take next of the previous page, with the same filters, or leave it out for the first page")

// RecordedBy reports that another recorder has a recording's file (409).
func RecordedBy(node string) *Error { return Conflict("recorded by %s: ask it", node) }

// Unavailable reports that a dependency of the answer is down (503).
func Unavailable(format string, a ...any) *Error {
	return failure(http.StatusServiceUnavailable, format, a...)
}

func failure(code int, format string, a ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, a...)}
}

// errorAnswer is the body of every error.
type errorAnswer struct {
	Status string `json:"status" enum:"error"`
	Error  string `json:"error" doc:"what was wrong, and what to do"`
}

// fail answers with an error. It logs an internal error with a number, by which an operator finds
// it.
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

// shown returns the error for the client, nil for an internal one.
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
