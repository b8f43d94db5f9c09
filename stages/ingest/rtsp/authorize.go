package rtsp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/ingest"
)

// authorize decides whether a client may perform an action on path. It returns the authorized user, or the refusal to send;
// without an Authorizer every client may do all.
//
// A client gets a challenge and may repeat its request if its credentials are missing, of an unsupported kind, made
// with an old nonce, or a plain password where strangers can read it. Wrong credentials end the connection: the refusal
// then has an error, at which gortsplib closes it.
func (h *handler) authorize(k *connState, req *base.Request, path string, action ingest.Action) (user string, refusal *verdict) {
	if h.cfg.Authorizer == nil {
		return "", nil
	}
	a := readAuthorization(req)
	log := h.strangers.With("stream", path, "remote", k.remote) // without the user name: users mistype passwords there
	client := "publisher"
	if action == ingest.ActionPlay {
		client = "reader"
	}
	challenge := func(err error, stale bool) (string, *verdict) {
		res := answer(base.StatusUnauthorized, "")
		res.Header = base.Header{"WWW-Authenticate": h.challenges(k, stale)}
		return "", &verdict{answer: res, err: err}
	}
	if a.basic && a.user != "" && !h.basic {
		h.refused(action)
		log.Warn(client+" refused: it sent its password unencrypted over a network that others can read; the password was not checked, change it", "hint", "Digest, RTSPS, or ingest.rtsp.plain_basic")
		return h.askAgain(k, challenge)
	}
	err := h.allows(k, a, req, path, action)
	switch {
	case err == nil:
		return a.user, nil
	case errors.Is(err, errStale):
		log.Debug(client + " asked again: its nonce is of another connection")
		k.mustAnswer(h.cfg.AnnounceTimeout)
		return challenge(nil, true)
	case a.user != "":
		h.refused(action)
		log.Warn(client+" refused", "error", err)
		return challenge(errRefused, false)
	case a.sent:
		h.refused(action)
		log.Warn(client+" refused", "error", err)
	default:
		log.Debug(client+" refused", "error", err) // clients send credentials only after a challenge
	}
	return h.askAgain(k, challenge)
}

// refused counts a client that was refused for a reason other than missing credentials.
func (h *handler) refused(action ingest.Action) {
	if action == ingest.ActionPlay {
		h.clients.RefusedReader()
	} else {
		h.clients.RefusedPublisher()
	}
}

// errRefused makes gortsplib close the connection of a client that sent wrong credentials.
var errRefused = errors.New("the credentials are wrong")

func (h *handler) askAgain(k *connState, challenge func(error, bool) (string, *verdict)) (string, *verdict) {
	k.mustAnswer(h.cfg.AnnounceTimeout)
	return challenge(nil, false)
}

// mustAnswer sets the deadline for the answer to the first challenge of a connection, to now plus within. Later
// challenges do not extend it.
func (k *connState) mustAnswer(within time.Duration) {
	if !k.challenged {
		k.challenged = true
		k.within(within)
	}
}

// allows returns nil if the Authorizer permits a client with the credentials a to perform an action on path. It returns
// errStale if the credentials are right, but their digest has the nonce of another connection. Any other error is the
// reason of the refusal.
func (h *handler) allows(k *connState, a authorization, req *base.Request, path string, action ingest.Action) error {
	if a.digest != nil && !isOf(a.digest.URI, req.URL) {
		return errors.New("its response to the challenge is for another stream")
	}
	if a.digest != nil && a.digest.Realm != ingest.DigestsOf(h.cfg.Authorizer).Realm {
		return errors.New("its response to the challenge is for another realm")
	}
	_, err := ingest.Authorize(whileConnected{context.Background(), k.serverConn}, h.cfg.Authorizer, ingest.AccessRequest{
		Protocol: protocol, Action: action, Path: path, Remote: k.remote,
		Credentials: ingest.Credentials{Name: a.user, Password: a.password, Digest: a.digest},
	})
	if err == nil && a.digest != nil && (k.nonce == "" || a.digest.Nonce != k.nonce) {
		return errStale
	}
	return err
}

var errStale = errors.New("the nonce is of another connection")

// whileConnected is a context whose Err returns an error once the client has closed the connection. Its Done channel
// does not report that. Err suffices, because an Authorizer calls it before expensive work.
type whileConnected struct {
	context.Context
	serverConn *serverConn
}

func (c whileConnected) Err() error {
	if c.serverConn.hungUp() {
		return errors.Join(context.Canceled, c.Context.Err())
	}
	return c.Context.Err()
}

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
