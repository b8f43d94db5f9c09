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

// checkURLPath refuses the path of a request if it is longer than maxURLPathBytes, or if the
// router, the file system and a proxy could read it differently. Such a path holds encoded slashes
// or backslashes, control characters, bytes that are not UTF-8, the segments . and .., or empty
// segments except at the end. checkURLPath checks both the path as it was sent and the path that
// net/url has decoded.
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

// streamPath returns the stream path in a parameter *stream_path of a route, which httprouter passes
// with a leading slash. Its error is BadRequest.
func streamPath(param string) (string, error) {
	p := strings.TrimPrefix(param, "/")
	if err := streampath.Check(p); err != nil {
		return "", BadRequest("%v", err)
	}
	return p, nil
}

// fileURL returns the URL path under which a recording's file is served.
func fileURL(name string) string {
	return (&url.URL{Path: "/mp4/vod/" + name}).EscapedPath()
}

// recordURL returns the URL path of a recording's file with the ID of the recording as parameter, so
// that the server does not serve another recording's file that has got the same name since.
func recordURL(name string, id media.ID) string { return fileURL(name) + "?id=" + id.String() }
