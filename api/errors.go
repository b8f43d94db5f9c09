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
