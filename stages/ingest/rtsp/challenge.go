package rtsp

import (
	"cmp"
	"crypto/rand"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/ingest"
)

// challenges returns the challenges for a client, the strongest first: RFC 7616 requires this order, and ffmpeg,
// which does not support SHA-256, answers the last digest. Both have the same nonce, since some clients confuse the
// two. There is no qop: many clients do not support it, and one nonce serves one connection only.
//
// If plain passwords are permitted, a digest is offered only when every user has one: a client answers the strongest
// challenge, for any user.
func (h *handler) challenges(k *connState, stale bool) (out base.HeaderValue) {
	d := ingest.DigestsOf(h.cfg.Authorizer)
	if !h.basic || d.All {
		for _, algorithm := range []struct {
			name    string
			offered bool
		}{{"SHA-256", d.SHA256}, {"MD5", d.MD5}} {
			if !algorithm.offered {
				continue
			}
			text := `Digest realm="` + d.Realm + `", nonce="` + k.nonceOf() + `", algorithm=` + algorithm.name
			if stale {
				text += ", stale=TRUE"
			}
			out = append(out, text)
		}
	}
	if h.basic {
		out = append(out, `Basic realm="`+cmp.Or(d.Realm, basicRealm)+`"`)
	}
	return out
}

// basicRealm is the realm of Basic without a digest.
const basicRealm = "spool"

// nonceOf returns the nonce of a connection.
func (k *connState) nonceOf() string {
	if k.nonce == "" {
		k.nonce = rand.Text()
	}
	return k.nonce
}
