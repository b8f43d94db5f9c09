package rtsp

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtsp/authscheme"
)

// maxAuthorizationBytes is the length of the longest Authorization header that the server reads.
const maxAuthorizationBytes = 4 << 10

// authorization holds the credentials of a request. If its Authorization header cannot be read, only sent is set.
type authorization struct {
	sent     bool // the request has an Authorization header
	basic    bool // Basic: user and password are plain text
	user     string
	password string
	digest   *ingest.Digest // Digest: the response to a challenge; otherwise nil
}

// readAuthorization returns the credentials in the Authorization header of a request: Basic (RFC 7617) or Digest (RFC
// 7616, RFC 2069). It accepts the deviating spellings of common clients. A header that is repeated, too long or
// unreadable sets only sent.
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

// isOf reports whether the uri parameter of a digest names the stream of the request's URL. It compares only the paths:
// clients write the URI as in the request line, or without the host (Bosch), with or without slashes at the end, with
// or without a query. The path alone selects the stream, and the hash of the digest protects the URI as the client
// wrote it.
func isOf(uri string, request *base.URL) bool {
	if _, after, is := strings.Cut(uri, "://"); is {
		_, path, _ := strings.Cut(after, "/")
		uri = path
	}
	uri, _, _ = strings.Cut(uri, "?")
	path, err := url.PathUnescape(uri)
	return err == nil && streamPath(path) == streamPath(request.Path)
}
