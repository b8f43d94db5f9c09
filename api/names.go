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

const maxURLPath = 4096

// checkURLPath refuses a request path that a router, a file system or a proxy
// in front could each read differently: encoded slashes and backslashes, NUL and
// other controls, dot segments, empty segments. It sees the path as it was sent
// and as it is after the one decoding that net/url does.
func checkURLPath(u *url.URL) error {
	sent := u.EscapedPath()
	if len(sent) > maxURLPath {
		return fmt.Errorf("the path is %d bytes long, at most %d are taken", len(sent), maxURLPath)
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

// streamPath is the stream of a catch-all parameter, which begins with a slash.
func streamPath(param string) (string, error) {
	p := strings.TrimPrefix(param, "/")
	if err := streampath.Check(p); err != nil {
		return "", BadRequest("%v", err)
	}
	return p, nil
}

// fileURL is where a file is served.
func fileURL(name string) string {
	return (&url.URL{Path: "/mp4/vod/" + name}).EscapedPath()
}

// recordURL is fileURL for the file of one recording: another file that has got the
// name meanwhile is not served in its place.
func recordURL(name string, id media.ID) string { return fileURL(name) + "?id=" + id.String() }
