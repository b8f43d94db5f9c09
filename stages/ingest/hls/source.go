package hls

import (
	"context"
	"io"
	"net/url"
)

// Source opens what playlists name. A Player calls it from one goroutine, and has two resources of it open at most for each
// playlist that it follows.
type Source interface {
	// Open opens a resource, or a range of it. The error does not have the URL.
	Open(ctx context.Context, u *url.URL, of Range) (*Resource, error)
}

// Resource is the content of a resource, or of the range that was asked for.
type Resource struct {
	io.ReadCloser
	// URL is where the content has come from after redirects. References in it are relative to it.
	URL *url.URL
}
