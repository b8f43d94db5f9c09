package rtsp

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtsp/authscheme"
)

// maxAuthorizationBytes is the longest accepted Authorization header, in bytes.
const maxAuthorizationBytes = 4 << 10

// authorization holds the credentials that a client sent.
type authorization struct {
	sent     bool // there was a header
	basic    bool // name and password in plain text
	user     string
	password string
	digest   *ingest.Digest // nil: no response to a challenge
}

// readAuthorization reads the Authorization header of a request (RFC 7617, RFC 7616, RFC 2069), in the spellings of
// common clients. An unreadable header sets sent, and neither basic nor digest.
func readAuthorization(req *base.Request) authorization {
	values := req.Header["Authorization"]
	a := authorization{sent: len(values) > 0}
	if len(values) != 1 || len(values[0]) > maxAuthorizationBytes {
		return a
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	switch {
	case strings.EqualFold(scheme, "basic"):
		a.readBasic(strings.TrimSpace(rest))
	case strings.EqualFold(scheme, "digest"):
		a.readDigest(string(req.Method), authscheme.Read(values)[0].Params)
	}
	return a
}

func (a *authorization) readBasic(text string) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return
	}
	name, password, is := strings.Cut(string(raw), ":")
	if is {
		a.basic, a.user, a.password = true, name, password
	}
}

func (a *authorization) readDigest(method string, p map[string]string) {
	algorithm := strings.ToUpper(p["algorithm"])
	if algorithm != "" && algorithm != "MD5" && algorithm != "SHA-256" {
		return
	}
	if p["username"] == "" || p["nonce"] == "" || p["response"] == "" {
		return
	}
	a.user = p["username"]
	a.digest = &ingest.Digest{
		SHA256: algorithm == "SHA-256", Name: a.user, Realm: p["realm"], Nonce: p["nonce"], Method: method, URI: p["uri"],
		QOP: p["qop"], Count: p["nc"], ClientNonce: p["cnonce"], Hash: p["response"],
	}
}

// isOf reports whether the URI of a digest matches the URL of a request. Clients write it as they wrote the request
// line, without the host (Bosch), with or without slashes at its end, with or without a query. The hash covers the
// whole URI, so only the path decides which stream it names.
func isOf(uri string, request *base.URL) bool {
	if _, after, is := strings.Cut(uri, "://"); is {
		_, path, _ := strings.Cut(after, "/")
		uri = path
	}
	uri, _, _ = strings.Cut(uri, "?")
	path, err := url.PathUnescape(uri)
	return err == nil && streamPath(path) == streamPath(request.Path)
}
