package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gospool/spool/api/auth"
)

// authorize says who makes a request, or with an *Error (401, 403, 429) why he may
// not.
func (s *Server) authorize(r *http.Request, need auth.Role) (auth.Caller, error) {
	if s.cfg.Auth.Open() {
		return auth.Caller{Name: "anybody", Roles: auth.Everything}, nil
	}
	who, err := s.identify(r)
	if need == "" && err != nil {
		return auth.Caller{}, nil // for everybody, and who he is only adds detail
	}
	if err != nil {
		return auth.Caller{}, err
	}
	if !who.Roles.Holds(need) {
		return auth.Caller{}, failure(http.StatusForbidden, "%s may not do this: it takes the role %s", who.Name, need)
	}
	return who, nil
}

func (s *Server) identify(r *http.Request) (who auth.Caller, err error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	name, password, basic := r.BasicAuth()
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		who, err = s.auth.ByToken(r.RemoteAddr, strings.TrimSpace(secret))
	case basic:
		who, err = s.auth.ByPassword(r.Context(), r.RemoteAddr, name, password)
	default:
		return who, failure(http.StatusUnauthorized, "sign in with a name and password or a bearer token")
	}
	var blocked *auth.BlockedError
	switch {
	case errors.As(err, &blocked):
		return who, &Error{Code: http.StatusTooManyRequests, Text: auth.ErrBlocked.Error(), Retry: blocked.Wait.Round(time.Second) + time.Second}
	case err != nil:
		return who, failure(http.StatusUnauthorized, "name, password or token is wrong")
	}
	return who, nil
}

// refuse answers a caller who may not, and tells a browser to ask for a password.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if e := shown(err); e != nil && e.Code == http.StatusUnauthorized {
		w.Header().Add("WWW-Authenticate", `Basic realm="spool", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", `Bearer realm="spool"`)
	}
	s.fail(w, r, err)
}
