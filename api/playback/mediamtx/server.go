package mediamtx

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/api/playback/play"
)

// The bounds of an interval without start or end.
const (
	unboundedStart = math.MinInt64
	unboundedEnd   = math.MaxInt64
)

// Config holds the parts of a Server. All but Origins are required.
type Config struct {
	Player  *play.Player
	Origins []string // see Origins
	// Allows reports whether the credentials in the header Authorization let a client watch. wait is the time until they are checked, after too many
	// wrong ones.
	Allows func(*http.Request) (ok bool, wait time.Duration)
	// Fail answers with an error that is no fault of the request.
	Fail func(http.ResponseWriter, *http.Request, error)
	// Refuse answers a range outside a file: see play.Player.Serve.
	Refuse func(w http.ResponseWriter, size string)
}

// Server answers the requests. It is safe for concurrent use.
type Server struct {
	Config
	origins Origins
	lists   chan struct{} // semaphore of the lists that are made
}

// New returns a server. The error is that of ParseOrigins.
func New(c Config) (*Server, error) {
	origins, err := ParseOrigins(c.Origins)
	return &Server{Config: c, origins: origins, lists: make(chan struct{}, maxLists)}, err
}

// Serve answers a request. scheme is that of the URL with which the client has reached the server.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, scheme string) {
	s.origins.set(w.Header(), r)
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		w.Header().Set("Access-Control-Allow-Methods", "OPTIONS, GET")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	known := r.URL.Path == "/list" || r.URL.Path == "/get"
	if !known || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	if err := s.answer(w, r, scheme); err != nil {
		s.fail(w, r, err)
	}
}

// answer answers a request for a list or for footage. It returns an error if it has not answered.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, scheme string) error {
	v := r.URL.Query()
	path, err := readPath(v)
	if err != nil {
		return err
	}
	takeCredentials(r, v)
	if ok, wait := s.Allows(r); !ok {
		return refused(w, r, wait)
	}
	if r.URL.Path == "/list" {
		return s.list(w, r, path, v, scheme)
	}
	q, err := readGet(v)
	if err != nil {
		return err
	}
	q.Stream = path
	if q.Span.EndUTC <= q.Span.StartUTC {
		return errNone
	}
	return s.Player.Serve(w, r, q, s.Refuse)
}

// takeCredentials moves credentials from where MediaMTX accepts them to where Allows expects them: NAME:PASSWORD after Bearer, and a token in
// the query.
func takeCredentials(r *http.Request, v url.Values) {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		if name, password, both := strings.Cut(given, ":"); both {
			r.SetBasicAuth(name, password)
		}
		return
	}
	for _, name := range []string{"token", "jwt"} {
		if list := v[name]; scheme == "" && len(list) == 1 {
			r.Header.Set("Authorization", "Bearer "+list[0])
			return
		}
	}
}

// refused returns the error for a client that may not watch, and asks one without credentials for some.
func refused(w http.ResponseWriter, r *http.Request, wait time.Duration) error {
	if r.Header.Get("Authorization") == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="spool", charset="UTF-8"`)
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return &fault{http.StatusTooManyRequests, "authentication error"}
	}
	return &fault{http.StatusUnauthorized, "authentication error"}
}

// failure is the body of an error.
type failure struct {
	Status string `json:"status"`
	Error  string `json:"error"`
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *fault
	var many *clip.TooManyError
	switch {
	case errors.As(err, &known):
	case errors.Is(err, movie.ErrNothing), errors.Is(err, fs.ErrNotExist):
		known = errNone
	case errors.As(err, &many):
		known = &fault{http.StatusBadRequest, many.Error()}
	case errors.Is(err, playback.ErrBusy):
		known = &fault{http.StatusConflict, err.Error()}
	default:
		s.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(known.code)
	_ = json.NewEncoder(w).Encode(failure{"error", known.text}) // an error means that the client has left
}
