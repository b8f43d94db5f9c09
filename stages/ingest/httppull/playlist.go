package httppull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/hls"
)

// playlistTypes are the media types of playlists (RFC 8216, 4, and those of older servers).
var playlistTypes = []string{"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"}

// isPlaylist reports whether a response is a playlist of HLS: by its type, or by its first bytes.
func isPlaylist(r *response) bool {
	if slices.Contains(playlistTypes, r.kind) {
		return true
	}
	head, _ := r.body.Peek(len("\ufeff#EXTM3U"))
	return bytes.HasPrefix(bytes.TrimPrefix(head, []byte("\ufeff")), []byte("#EXTM3U"))
}

// openings is the number of read timeouts in which a playlist must lead to media: it is some responses away.
const openings = 3

// playlist publishes the stream of a playlist.
func (p *puller) playlist(ctx context.Context, r *response, publish func(string) (*hub.Publisher, error)) error {
	r.opening.Reset(openings * p.timeout)
	text, err := hls.ReadPlaylist(r.body)
	if err != nil {
		return err
	}
	_ = r.Body.Close() // the connection serves the next request
	origin := r.Request.URL.Scheme + " " + r.Request.URL.Host
	return hls.Play(ctx, hls.Options{
		Source: source{p}, Publish: func() (*hub.Publisher, error) { return publish(origin) },
		ReadTimeout: p.timeout, Clock: p.Clock, Log: p.Log, Past: &p.past,
	}, p.URL, r.Request.URL, text)
}

// source opens the resources that playlists name, by the client of a puller.
type source struct{ of *puller }

// Open opens a resource.
func (s source) Open(ctx context.Context, u *url.URL, of hls.Range) (*hls.Resource, error) {
	header := ""
	if of.Length > 0 {
		header = fmt.Sprintf("bytes=%d-%d", of.Offset, of.Offset+of.Length-1)
	}
	got, err := s.of.get(ctx, u, header)
	if err != nil {
		return nil, err
	}
	body := got.Body
	if header != "" {
		sent := got.Header.Get("Content-Range")
		switch {
		case got.StatusCode == http.StatusOK && of.Offset == 0:
		case got.StatusCode == http.StatusPartialContent && strings.HasPrefix(sent, fmt.Sprintf("bytes %d-", of.Offset)):
		default:
			_ = body.Close()
			return nil, fmt.Errorf("the server does not answer a request of bytes %d to %d", of.Offset, of.Offset+of.Length-1)
		}
		body = &limited{body, of.Length}
	}
	return &hls.Resource{ReadCloser: body, URL: got.Request.URL}, nil
}

// limited is a range of a body. If the body ends before it, its error is io.ErrUnexpectedEOF.
type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n, err := l.ReadCloser.Read(b[:min(int64(len(b)), l.left)])
	if l.left -= int64(n); l.left > 0 && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
