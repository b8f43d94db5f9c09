package rtsp

import (
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
)

// normalise rewrites the URL of a request into one form before gortsplib reads it. Clients write the URL of one stream
// in several ways: with slashes at the end, with needless percent-encoding, with credentials. They make the URLs of its
// tracks from each of these forms, and gortsplib compares URLs as text:
//
//	ANNOUNCE rtsp://h/live/cam/               rtsp://h/live/cam
//	SETUP    rtsp://h/live/cam//streamid=0    rtsp://h/live/cam/streamid=0
//	RECORD   rtsp://h/live/c%61m/             rtsp://h/live/cam
//
// ANNOUNCE keeps double slashes within the path, so that the server refuses the path for them.
func normalise(method base.Method, u *base.URL) {
	if u == nil {
		return
	}
	u.User, u.RawPath = nil, ""
	path := strings.TrimLeft(u.Path, "/")
	if method != base.Setup || u.RawQuery != "" { // SETUP of a track without a control attribute ends with a slash
		path = strings.TrimRight(path, "/")
	}
	for method != base.Announce && strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	u.Path = "/" + path
}

// normaliseControls rewrites the control attributes that are URLs into the form of normalise, so that they equal the
// URLs of SETUP.
func normaliseControls(d *description.Session) {
	for _, m := range d.Medias {
		u, err := base.ParseURL(m.Control)
		if err != nil {
			continue // not a URL
		}
		normalise(base.Setup, u)
		m.Control = u.String()
	}
}

// trackOf returns the announced or described track that the URL of a SETUP names, or nil if it names none.
func trackOf(d *description.Session, u *base.URL) *description.Media {
	for _, m := range d.Medias {
		if s := u.String(); m.Control == s || strings.HasSuffix(s, "/"+m.Control) || strings.HasSuffix(u.Path, "/"+m.Control) {
			return m
		}
	}
	return nil
}

// streamPath returns the path of a URL without leading and trailing slashes.
func streamPath(path string) string { return strings.Trim(path, "/") }
