package api

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

const maxURLPathBytes = 4096

// checkURLPath refuses a request path that a router, a file system or a proxy in front could read
// differently: encoded slashes and backslashes, NUL and other controls, dot segments, empty
// segments. It checks the path as sent and after the one decoding of net/url.
func checkURLPath(u *url.URL) error {
	sent := u.EscapedPath()
	if len(sent) > maxURLPathBytes {
		return fmt.Errorf("the path is %d bytes long, at most %d are taken", len(sent), maxURLPathBytes)
	}
	if !strings.HasPrefix(sent, "/") {
		return errors.New("the path does not begin with a slash")
	}
	lower := strings.ToLower(sent)
	if strings.Contains(lower, "%2f") || strings.Contains(lower, "%5c") {
		return errors.New("the path holds an encoded slash or backslash: write the slashes of a stream path or file name as they are")
	}
	if strings.HasSuffix(u.Path, "/") && len(u.Path) > 1 {
		return checkSegments(u.Path[1 : len(u.Path)-1])
	}
	return checkSegments(u.Path[1:])
}

func checkSegments(p string) error {
	if p == "" {
		return nil
	}
	if !utf8.ValidString(p) {
		return errors.New("the path is not UTF-8")
	}
	for _, r := range p {
		if unicode.IsControl(r) || r == '\\' {
			return fmt.Errorf("the path holds the character %q", r)
		}
	}
	for seg := range strings.SplitSeq(p, "/") {
		if seg == "" || seg == "." || seg == ".." {
			return fmt.Errorf("the path has the segment %q", seg)
		}
	}
	return nil
}

// streamPath returns the stream of a catch-all parameter, which begins with a slash.
func streamPath(param string) (string, error) {
	p := strings.TrimPrefix(param, "/")
	if err := streampath.Check(p); err != nil {
		return "", BadRequest("%v", err)
	}
	return p, nil
}

// fileURL returns the URL path of a file.
func fileURL(name string) string {
	return (&url.URL{Path: "/mp4/vod/" + name}).EscapedPath()
}

// recordURL returns the URL of a recording's file. The id prevents that another file of the same
// name is served in its place.
func recordURL(name string, id media.ID) string { return fileURL(name) + "?id=" + id.String() }
