package api

import (
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/params"
)

// route is one row of the route table.
type route struct {
	op      string // its name in the OpenAPI document
	method  string // GET answers HEAD as well
	path    string // in httprouter's syntax: :name is one segment, *name the rest
	alias   string // a second path with the same answers, absent from the OpenAPI document; may be empty
	summary string
	about   string // longer description; may be empty
	role    auth.Role
	query   []params.Param
	body    any         // a value of the body's type; nil: no body
	yaml    bool        // the body may be YAML, too
	answer  any         // a value of the answer's type; nil: see media
	media   string      // content type of an answer that is not JSON
	codes   []int       // further error codes of this route
	others  map[int]any // values of answers that are not errorAnswer, by code
	handle  func(*Server, http.ResponseWriter, *request) error
}

// request is the argument of a handler: the caller is authorized, and the query holds only known
// parameters, each once.
type request struct {
	*http.Request
	params httprouter.Params
	query  params.Values
	who    auth.Caller
}

// methods lists the methods that a route registers.
func (rt *route) methods() []string {
	if rt.method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{rt.method}
}

// template returns the route's path in OpenAPI syntax: /mp4/start/{stream_path}.
func (rt *route) template() string {
	segs := strings.Split(rt.path, "/")
	for i, seg := range segs {
		if seg != "" && (seg[0] == ':' || seg[0] == '*') {
			segs[i] = "{" + seg[1:] + "}"
		}
	}
	return strings.Join(segs, "/")
}

// newRouter registers the table. It redirects nothing: a wrong path is an error, not a redirect to
// a path that the server guessed. OPTIONS is answered with Allow only: CORS is off.
func (s *Server) newRouter(table []route) *httprouter.Router {
	router := httprouter.New()
	router.RedirectTrailingSlash = false
	router.RedirectFixedPath = false
	for i := range table {
		rt := &table[i]
		for _, m := range rt.methods() {
			router.Handle(m, rt.path, s.dispatch(rt))
			if rt.alias != "" {
				router.Handle(m, rt.alias, s.dispatch(rt))
			}
		}
	}
	router.NotFound = http.HandlerFunc(s.notFound)
	router.MethodNotAllowed = http.HandlerFunc(s.methodNotAllowed)
	return router
}

// dispatch authorizes the caller, checks the query parameters and calls the handler.
func (s *Server) dispatch(rt *route) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
		who, err := s.authorize(r, rt.role)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		query, err := params.Read(r.URL, rt.query)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if err := rt.handle(s, w, &request{r, ps, query, who}); err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, NotFound("nothing is at %s: GET /mp4 lists what there is", r.URL.Path))
}

func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, failure(http.StatusMethodNotAllowed, "%s is not for %s: use %s",
		r.Method, r.URL.Path, w.Header().Get("Allow")))
}
