package hls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Source opens the resources that playlists name. A Player calls it from one goroutine, and has two resources of it open at most for each
// playlist that it follows.
type Source interface {
	// Open opens a resource, or a range of it. The error does not have the URL. It is a StatusError if a server answers with
	// a status that is no success, and a NotFollowedError if the URL must not be opened.
	Open(ctx context.Context, u *url.URL, of Range) (*Resource, error)
}

// Resource is the content of a resource, or of the range that was asked for.
type Resource struct {
	io.ReadCloser
	// URL is where the content has come from after redirects. References in it are relative to it.
	URL *url.URL
}

// StatusError is the status by which a server of HTTP says that it does not send a resource.
type StatusError struct{ Code int }

func (e StatusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.Code, http.StatusText(e.Code))
}

// NotFollowedError is the error of a URL that must not be opened, because of its scheme or of its address.
type NotFollowedError struct{ Err error }

func (e NotFollowedError) Error() string { return e.Err.Error() }
func (e NotFollowedError) Unwrap() error { return e.Err }

// refused reports whether an error says that the same request will fail again: that of a URL that is not followed, of a delta
// update, or a status 4xx, apart from those of a server that is busy.
func refused(err error) bool {
	if errors.As(err, &NotFollowedError{}) || errors.Is(err, errDelta) {
		return true
	}
	status := StatusError{}
	if !errors.As(err, &status) || status.Code == http.StatusRequestTimeout || status.Code == http.StatusTooManyRequests {
		return false
	}
	return status.Code/100 == 4
}
