package rtsp

import (
	"cmp"
	"crypto/rand"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/ingest"
)

// challenges returns what a client is asked for, the strongest first: RFC 7616 wants
// it so, and ffmpeg, which knows no SHA-256, answers the last digest. Both have the same
// nonce, since some clients mix the two up. There is no qop: many know none, and one
// nonce is for one connection only.
//
// Where the password itself may be sent, a digest is asked for only when every user has
// one: a client answers by the strongest, whoever it is.
func (h *handler) challenges(k *visitor, stale bool) (out base.HeaderValue) {
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

// basicRealm is that of Basic where no digest has one.
const basicRealm = "spool"

// nonceOf returns the nonce of a connection.
func (k *visitor) nonceOf() string {
	if k.nonce == "" {
		k.nonce = rand.Text()
	}
	return k.nonce
}
