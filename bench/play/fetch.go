package play

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// fetched describes what one client has fetched.
type fetched struct {
	firstByte time.Duration // from the first request, with its connection, to the first byte of media
	bytes     int64         // of all bodies
}

// client fetches a span. It is for one span.
type client struct {
	http  http.Client
	began time.Time
	got   fetched
	media bool // a byte of media has come
}

// newClient returns a client with no connection.
func newClient() *client {
	return &client{http: http.Client{Transport: &http.Transport{}}}
}

// fetch fetches the whole span at an address in a format, and discards it.
func (c *client) fetch(ctx context.Context, address, format string) (fetched, error) {
	defer c.http.CloseIdleConnections()
	c.began = time.Now()
	if format != "hls" {
		err := c.body(ctx, address, "", true, io.Discard)
		return c.got, err
	}
	var refs []reference
	err := playlist(address, func(u string) (string, error) {
		var text strings.Builder
		err := c.body(ctx, u, "", false, &text)
		return text.String(), err
	}, func(r reference) { refs = append(refs, r) })
	if err != nil {
		return c.got, err
	}
	for _, r := range refs {
		if err := c.body(ctx, r.url, r.bytes, true, io.Discard); err != nil {
			return c.got, err
		}
	}
	return c.got, nil
}

// body fetches one address, or a range of it, and copies the answer to w.
func (c *client) body(ctx context.Context, address, bytes string, isMedia bool, w io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	want := http.StatusOK
	if bytes != "" {
		request.Header.Set("Range", "bytes="+bytes)
		want = http.StatusPartialContent
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		return fmt.Errorf("GET %s: %s: %s", address, response.Status, text)
	}
	from := bufio.NewReaderSize(response.Body, 64<<10)
	if _, err := from.Peek(1); err != nil && err != io.EOF {
		return err
	}
	if isMedia && !c.media {
		c.media, c.got.firstByte = true, time.Since(c.began)
	}
	n, err := from.WriteTo(w)
	c.got.bytes += n
	return err
}

// reference is a file, or a range of it, that a playlist names.
type reference struct {
	url   string
	bytes string // first and last byte, as in a Range; empty: the whole file
}

// playlist calls each with the initialisation segments and the segments of a multivariant playlist of spool, in their order. get
// returns the text at an address.
func playlist(address string, get func(address string) (string, error), each func(reference)) error {
	text, err := get(address)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			if address, err = resolve(address, line); err != nil {
				return err
			}
			break
		}
	}
	if text, err = get(address); err != nil {
		return err
	}
	bytes := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		uri := line
		switch tag, value, _ := strings.Cut(line, ":"); {
		case tag == "#EXT-X-MAP":
			uri, bytes = quoted(value, "URI"), span(quoted(value, "BYTERANGE"))
		case tag == "#EXT-X-BYTERANGE":
			bytes = span(value)
			continue
		case line == "" || line[0] == '#':
			continue
		}
		at, err := resolve(address, uri)
		if err != nil {
			return err
		}
		each(reference{at, bytes})
		bytes = ""
	}
	return nil
}

// quoted returns the value of an attribute in quotes, or "".
func quoted(attributes, name string) string {
	_, rest, _ := strings.Cut(attributes, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// span returns the bytes of a range LENGTH@OFFSET as FIRST-LAST, or "".
func span(text string) string {
	var length, at int64
	if n, err := fmt.Sscanf(text, "%d@%d", &length, &at); n != 2 || err != nil {
		return ""
	}
	return fmt.Sprintf("%d-%d", at, at+length-1)
}

// resolve returns the address that a URI reference in the file at an address names.
func resolve(address, reference string) (string, error) {
	base, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(reference)
	if err != nil {
		return "", err
	}
	return to.String(), nil
}
