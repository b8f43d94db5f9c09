package api

import (
	"mime"
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/streampath"
)

// route describes one endpoint: one row of the table in routes.go.
type route struct {
	op        string // operationId in the OpenAPI document
	method    string // HTTP method; a route with GET also answers HEAD
	path      string // in httprouter's syntax: :name stands for one segment, *name for the rest of the path
	alias     string // second path with the same answers, not in the OpenAPI document; may be empty
	summary   string
	about     string    // longer description; may be empty
	role      auth.Role // role that the caller needs; empty: open to every client
	ofStream  bool      // a caller that may read or publish some streams needs no role; the handler checks the stream
	query     []params.Param
	body      any         // a value of the request body's type; nil: the request has no body
	yaml      bool        // the body may also be YAML
	bodyMedia string      // content type of a body that is no JSON; empty: the body is JSON
	answer    any         // a value of the type of a 200 answer; nil: the answer has the content type media
	media     string      // content type of a 200 answer if answer is nil
	status    int         // code of a successful answer; 0: 200
	codes     []int       // HTTP codes of errors of this route, for the OpenAPI document
	others    map[int]any // by HTTP code: a value of the type of an answer that is neither 200 nor an errorAnswer
	handle    func(*Server, http.ResponseWriter, *request) error
}

// request is a request as a handler gets it: its caller has the role of the route, and its query
// holds only parameters that the route declares, each at most once.
type request struct {
	*http.Request
	params httprouter.Params
	query  params.Values
	who    auth.Caller
}

// methods lists the HTTP methods under which a route is registered: GET implies HEAD.
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

// newRouter returns a router with the routes of a table. A path that no route has is answered with
// 404 and never with a redirect to a similar path. OPTIONS is answered with the header Allow and no
// CORS headers.
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

// dispatch returns the function that answers a route's requests: it authorizes the caller, checks
// the query parameters and calls the handler.
func (s *Server) dispatch(rt *route) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
		who, err := s.authorize(r, rt.role, rt.ofStream)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if err := rt.checkBody(r); err != nil {
			s.fail(w, r, err)
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

// checkBody refuses a body of another content type than that of the route.
func (rt *route) checkBody(r *http.Request) error {
	if rt.bodyMedia == "" {
		return nil
	}
	if is, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || is != rt.bodyMedia {
		return failure(http.StatusUnsupportedMediaType, "send Content-Type: %s", rt.bodyMedia)
	}
	return nil
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, NotFound("nothing is at %s: GET /mp4 lists what there is", r.URL.Path))
}

func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, failure(http.StatusMethodNotAllowed, "%s is not for %s: use %s",
		r.Method, r.URL.Path, w.Header().Get("Allow")))
}

// streamPath returns the stream path in a parameter *stream_path of a route, which httprouter passes
// with a leading slash. Its error is BadRequest.
func streamPath(param string) (string, error) {
	p := strings.TrimPrefix(param, "/")
	if err := streampath.Check(p); err != nil {
		return "", BadRequest("%v", err)
	}
	return p, nil
}
