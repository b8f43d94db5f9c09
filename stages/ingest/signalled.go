package ingest

import "net/http"

// SignalledServer is a Server whose clients begin, change and end their sessions by requests to the program's HTTP server. An
// error of its methods means that nothing has been written; a *Refusal is for the client.
type SignalledServer interface {
	Server
	// PublishPath returns the path of the URL to which a client publishes the stream of a path.
	PublishPath(path string) string
	// Offer answers the offer of a client that publishes or plays the stream of a path. user is the name of the client that the HTTP
	// server has recognized, and that may do this. It is empty where the HTTP server knows no users: then a client that publishes
	// needs the credentials of ServerDeps.Authorizer.
	Offer(w http.ResponseWriter, r *http.Request, a Action, path, user string) error
	// Change answers a change of the session of a path with a secret identifier, and Leave its end.
	Change(w http.ResponseWriter, r *http.Request, path, id string) error
	Leave(w http.ResponseWriter, path, id string) error
}

// Refusal is the error of a request that a SignalledServer refuses, with the HTTP status and the reason of the response.
type Refusal struct {
	Status int
	Reason string
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Signalled returns the SignalledServer among the servers, or nil. At most one is registered.
func (s *Servers) Signalled() SignalledServer {
	for _, one := range s.all {
		if server, is := one.server.(SignalledServer); is {
			return server
		}
	}
	return nil
}

// Signalled reports whether the server is a SignalledServer.
func (r *RunningServer) Signalled() bool {
	_, is := r.server.(SignalledServer)
	return is
}
