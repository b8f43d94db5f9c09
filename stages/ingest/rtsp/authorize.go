package rtsp

import (
	"context"
	"errors"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/ingest"
)

// authorize asks who may publish, and returns the user, or the answer to one who may not.
// Who sent nothing, or not in a way that is taken here, is asked for credentials and may
// go on; after wrong ones the error makes gortsplib hang up.
func (h *handler) authorize(k *visitor, req *base.Request, path string) (user string, refusal *verdict) {
	if h.cfg.Authorizer == nil {
		return "", nil
	}
	a := readAuthorization(req)
	log := h.strangers.With("stream", path, "remote", k.remote) // not the name: people type passwords there
	challenge := func(err error, stale bool) (string, *verdict) {
		res := answer(base.StatusUnauthorized, "")
		res.Header = base.Header{"WWW-Authenticate": h.challenges(k, stale)}
		return "", &verdict{answer: res, err: err}
	}
	if a.basic && a.user != "" && !h.basic {
		h.clients.RefusedPublisher()
		log.Warn("publisher refused: its password came unencrypted, where others can read it; it is not looked at, and better changed", "hint", "Digest, RTSPS, or ingest.rtsp.plain_basic")
		return h.askAgain(k, challenge)
	}
	err := h.allows(k, a, req, path)
	switch {
	case err == nil:
		return a.user, nil
	case errors.Is(err, errStale):
		log.Debug("publisher asked again: its nonce is of another connection")
		k.mustAnswer(h.cfg.AnnounceTimeout)
		return challenge(nil, true)
	case a.user != "":
		h.clients.RefusedPublisher()
		log.Warn("publisher refused", "error", err)
		return challenge(errRefused, false)
	case a.sent:
		h.clients.RefusedPublisher()
		log.Warn("publisher refused", "error", err)
	default:
		log.Debug("publisher refused", "error", err) // clients ask without, and send what they have when they are challenged
	}
	return h.askAgain(k, challenge)
}

// errRefused ends the connection of a client that sent wrong credentials.
var errRefused = errors.New("the credentials are wrong")

func (h *handler) askAgain(k *visitor, challenge func(error, bool) (string, *verdict)) (string, *verdict) {
	k.mustAnswer(h.cfg.AnnounceTimeout)
	return challenge(nil, false)
}

// mustAnswer bounds how long a client may take to answer its first challenge.
func (k *visitor) mustAnswer(within time.Duration) {
	if !k.challenged {
		k.challenged = true
		k.within(within)
	}
}

// allows asks the Authorizer. Its error is errStale where only the nonce of a digest is
// not the connection's.
func (h *handler) allows(k *visitor, a authorization, req *base.Request, path string) error {
	if a.digest != nil && !isOf(a.digest.URI, req.URL) {
		return errors.New("its response to the challenge is for another stream")
	}
	if a.digest != nil && a.digest.Realm != ingest.DigestsOf(h.cfg.Authorizer).Realm {
		return errors.New("its response to the challenge is for another realm")
	}
	_, err := ingest.Authorize(whileConnected{context.Background(), k.guest}, h.cfg.Authorizer, ingest.AccessRequest{
		Protocol: protocol, Action: ingest.ActionPublish, Path: path, Remote: k.remote,
		Credentials: ingest.Credentials{Name: a.user, Password: a.password, Digest: a.digest},
	})
	if err == nil && a.digest != nil && (k.nonce == "" || a.digest.Nonce != k.nonce) {
		return errStale
	}
	return err
}

var errStale = errors.New("the nonce is of another connection")

// whileConnected has an error once the client has hung up. It is not told of that:
// who asks Err looks at the connection, which is what there is to do before work
// that a client has waited for.
type whileConnected struct {
	context.Context
	guest *guest
}

func (c whileConnected) Err() error {
	if c.guest.hungUp() {
		return errors.Join(context.Canceled, c.Context.Err())
	}
	return c.Context.Err()
}
