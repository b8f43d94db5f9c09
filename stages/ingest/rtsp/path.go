package rtsp

import (
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
)

// normalise brings a URL into one form before gortsplib sees it. Clients write the URL of one stream in several ways:
// with slashes at its end, with needlessly percent-encoded characters, with their credentials. They make the URLs of
// its tracks from that, and gortsplib compares them as text:
//
//	ANNOUNCE rtsp://h/live/cam/               rtsp://h/live/cam
//	SETUP    rtsp://h/live/cam//streamid=0    rtsp://h/live/cam/streamid=0
//	RECORD   rtsp://h/live/c%61m/             rtsp://h/live/cam
//
// An ANNOUNCE keeps slashes within its path: the server refuses it for them.
func normalise(method base.Method, u *base.URL) {
	if u == nil {
		return
	}
	u.User, u.RawPath = nil, ""
	path := strings.TrimLeft(u.Path, "/")
	if method != base.Setup || u.RawQuery != "" { // the URL of a track without a control attribute ends with a slash
		path = strings.TrimRight(path, "/")
	}
	for method != base.Announce && strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	u.Path = "/" + path
}

// normaliseControls does the same for tracks whose control attribute is a URL.
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

// trackOf returns the announced track to which the URL of a SETUP belongs, or nil.
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
