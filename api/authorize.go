package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gospool/spool/api/auth"
)

// authorize returns the caller of a request to a route that needs a role, or with ofStream patterns of
// streams. The error is an *Error: 401 without right credentials, 429 after too many wrong ones, 403
// for a caller without the role. Without users and tokens in the configuration, every caller has every
// role.
func (s *Server) authorize(r *http.Request, need auth.Role, ofStream bool) (auth.Caller, error) {
	if s.cfg.Auth.Open() {
		return auth.Anybody(), nil
	}
	if need == "" {
		return s.recognize(r), nil // open to all callers: a known caller only gets more detail
	}
	who, err := s.identify(r)
	if err != nil {
		return auth.Caller{}, err
	}
	if !who.Roles.Holds(need) && (!ofStream || who.Streams.Empty()) {
		return auth.Caller{}, failure(http.StatusForbidden, "%s may not do this: it takes the role %s", who.Name, need)
	}
	return who, nil
}

// recognize returns the caller of a request to a route that is open to all clients, or the zero
// Caller if the request has no right credentials. It accepts a token, and a password that was right
// before. It neither hashes a password nor counts wrong credentials: otherwise a monitor that polls
// /readyz with a wrong password could lock out users.
func (s *Server) recognize(r *http.Request) (who auth.Caller) {
	if token, ok := bearer(r); ok {
		who, _ = s.auth.KnownToken(token)
	} else if name, password, ok := r.BasicAuth(); ok {
		who, _ = s.auth.KnownPassword(name, password)
	}
	return who
}

func (s *Server) identify(r *http.Request) (who auth.Caller, err error) {
	token, isToken := bearer(r)
	name, password, isBasic := r.BasicAuth()
	switch {
	case isToken:
		who, err = s.auth.ByToken(r.RemoteAddr, token)
	case isBasic:
		who, err = s.auth.ByPassword(r.Context(), r.RemoteAddr, name, password)
	default:
		if r.Header.Get("Authorization") != "" {
			s.deps.SignIns.Count(auth.Malformed, r.RemoteAddr, "")
		}
		return who, failure(http.StatusUnauthorized, "sign in with a name and password or a bearer token")
	}
	var blocked *auth.BlockedError
	switch {
	case errors.As(err, &blocked):
		return who, &Error{Code: http.StatusTooManyRequests, Text: auth.ErrBlocked.Error() + ": send the same again when Retry-After is over", Retry: blocked.Wait}
	case err != nil:
		return who, failure(http.StatusUnauthorized, "name, password or token is wrong")
	}
	return who, nil
}

func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// refuse answers a request that authorize has refused. It adds to a 401 the header WWW-Authenticate,
// at which a browser asks for a password.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if e := shown(err); e != nil && e.Code == http.StatusUnauthorized {
		w.Header().Add("WWW-Authenticate", `Basic realm="spool", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", `Bearer realm="spool"`)
	}
	s.fail(w, r, err)
}
