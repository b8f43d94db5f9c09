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

// Error is an answer that is not a success. Its text is shown to the client: it
// holds no path of the machine, no SQL and no secret.
type Error struct {
	Code  int // HTTP status
	Text  string
	Retry time.Duration // when to try again, 0 where that is unknown
	Cause error         // for the log only
}

// Error is the text.
func (e *Error) Error() string { return e.Text }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// BadRequest refuses what was asked as it stands (400).
func BadRequest(format string, a ...any) *Error {
	return failure(http.StatusBadRequest, format, a...)
}

// NotFound says that there is no such thing (404).
func NotFound(format string, a ...any) *Error { return failure(http.StatusNotFound, format, a...) }

// Conflict says that the thing's state does not allow it (409).
func Conflict(format string, a ...any) *Error { return failure(http.StatusConflict, format, a...) }

// RecordedBy says that a recording's file is at another recorder (409).
func RecordedBy(node string) *Error { return Conflict("recorded by %s: ask it", node) }

// Unavailable says that something the answer needs is down (503).
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

// fail answers with an error. One that is not meant for clients is logged under
// a number, by which an operator finds it again.
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

// shown is the error to show, nil if it is none of the client's business.
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
