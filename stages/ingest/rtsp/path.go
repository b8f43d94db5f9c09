package rtsp

import (
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
)

// Clients write the URL of one stream in several ways: with slashes at its end,
// with characters percent-encoded that need not be, with their credentials. The
// URLs of its tracks are made from that, and gortsplib compares them as text. So
// every URL is brought into one form before gortsplib sees it:
//
//	ANNOUNCE rtsp://h/live/cam/               rtsp://h/live/cam
//	SETUP    rtsp://h/live/cam//streamid=0    rtsp://h/live/cam/streamid=0
//	RECORD   rtsp://h/live/c%61m/             rtsp://h/live/cam
//
// An ANNOUNCE keeps slashes within its path: it is refused for them.
func normalise(method base.Method, u *base.URL) {
	if u == nil {
		return
	}
	u.User, u.RawPath = nil, ""
	path := strings.TrimLeft(u.Path, "/")
	if method != base.Setup || u.RawQuery != "" { // the URL of a track without a control attribute ends with one
		path = strings.TrimRight(path, "/")
	}
	for method != base.Announce && strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	u.Path = "/" + path
}

// normaliseControls does the same to tracks whose control attribute is a URL.
func normaliseControls(d *description.Session) {
	for _, m := range d.Medias {
		u, err := base.ParseURL(m.Control)
		if err != nil {
			continue // relative
		}
		normalise(base.Setup, u)
		m.Control = u.String()
	}
}

// trackOf returns the announced track that a SETUP is of; nil where there is none.
func trackOf(d *description.Session, u *base.URL) *description.Media {
	for _, m := range d.Medias {
		if s := u.String(); m.Control == s || strings.HasSuffix(s, "/"+m.Control) || strings.HasSuffix(u.Path, "/"+m.Control) {
			return m
		}
	}
	return nil
}

// streamPath returns the path of a URL without the slashes around it.
func streamPath(path string) string { return strings.Trim(path, "/") }
