package viewing

import (
	"errors"
	"net/http"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/stages/ingest"
)

// Peers passes the offers of clients to the server that answers them. It implements api.Peers.
type Peers struct {
	Server ingest.SignalledServer
	Plays  bool // clients may read streams
}

// Publish answers the offer of a client that publishes.
func (p Peers) Publish(w http.ResponseWriter, r *http.Request, path, user string) error {
	return refusal(p.Server.Offer(w, r, ingest.ActionPublish, path, user))
}

// Play answers the offer of a client that plays.
func (p Peers) Play(w http.ResponseWriter, r *http.Request, path, user string) error {
	if !p.Plays {
		return &api.Error{Code: http.StatusServiceUnavailable, Text: "live streams cannot be read here: egress.enable is false"}
	}
	return refusal(p.Server.Offer(w, r, ingest.ActionPlay, path, user))
}

// Change answers a PATCH of a session.
func (p Peers) Change(w http.ResponseWriter, r *http.Request, path, session string) error {
	return refusal(p.Server.Change(w, r, path, session))
}

// Leave answers a DELETE of a session.
func (p Peers) Leave(w http.ResponseWriter, path, session string) error {
	return refusal(p.Server.Leave(w, path, session))
}

// refusal returns the API's error for that of the server.
func refusal(err error) error {
	if r := (*ingest.Refusal)(nil); errors.As(err, &r) {
		return &api.Error{Code: r.Status, Text: r.Reason}
	}
	return err
}
