package rtsp

import (
	"cmp"
	"crypto/rand"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/ingest"
)

// challenges returns the values of WWW-Authenticate for a client, the strongest scheme first: RFC 7616 requires this
// order, and ffmpeg, which does not support SHA-256, answers the last Digest. stale marks them as replacements for an
// old nonce, so that the client answers without asking its user. Both digests have the same nonce, because some clients
// answer one challenge with the nonce of the other. The challenges have no qop: many clients do not support it, and a
// nonce is valid for one connection only.
//
// If the server accepts plain passwords, it offers Digest only when every user has a digest: a client answers the
// strongest challenge, even for a user without a digest.
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

// basicRealm is the realm of a Basic challenge if the Authorizer has no realm for digests.
const basicRealm = "spool"

// nonceOf returns the nonce of a connection. The first call makes it.
func (k *connState) nonceOf() string {
	if k.nonce == "" {
		k.nonce = rand.Text()
	}
	return k.nonce
}
