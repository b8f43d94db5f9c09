package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/config"
)

// Pipelines are the declared pipelines, and what changes them. Errors that a
// client should see are *Error, or config.Problems without directories of the machine:
// all that is wrong with a configuration, of which nothing was changed then.
type Pipelines interface {
	// List returns the names of the pipelines, in order, and what describes each of them
	// as it is at the call.
	List() (names []string, describe func(i int) Pipeline)
	// Declare makes or replaces a pipeline from a declaration as the file has it
	// under pipelines/NAME, in YAML or JSON. With dryRun nothing is changed.
	Declare(ctx context.Context, name string, text []byte, dryRun bool) (Declared, error)
	// Remove takes back what Declare made; NotFound, or Conflict where the
	// pipeline is of the configuration's file.
	Remove(ctx context.Context, name string, dryRun bool) (Declared, error)
	// Start lets a pipeline record, and begins what it covers and is there.
	Start(ctx context.Context, name string) (began int, err error)
	// Stop ends its recordings and lets none begin until Start. With drain it
	// waits for the files however long that takes.
	Stop(ctx context.Context, name string, drain bool) (ended int, err error)
	// Reload reads the configuration again.
	Reload(ctx context.Context) (Reloaded, error)
}

// Pipeline is one declared pipeline.
type Pipeline struct {
	Name        string   `json:"name"`
	Origin      string   `json:"origin" enum:"file,mp4,api" doc:"where it is declared; mp4: the block of that name makes it"`
	Record      string   `json:"record" enum:"manual,always,event"`
	Streams     []string `json:"streams"`
	Stages      []string `json:"stages" doc:"the graph: each stage gives to the next"` // names, the source first
	Declaration string   `json:"declaration" doc:"YAML, with all that was left out; without secrets. Below the declaring role, and for what the configuration declares, of a URL the host and of a command the program only"`
	Own         string   `json:"-"` // the declaration as who may declare sees it
	Held        bool     `json:"held" doc:"stopped until it is started"`
	Recording   []string `json:"recording" doc:"streams, the first 1000"`
	Streaming   int      `json:"recording_total,omitempty" doc:"how many there are of them; absent where all are here"`
	Refused     string   `json:"refused,omitempty" doc:"why what was made by request under this name is kept and not run: it reaches what the configuration file no longer declares, or takes more than that allows now"`
}

// Declared tells what a declaration did.
type Declared struct {
	Status    string   // created, replaced, unchanged, removed, or in a dry run what it would be
	Pipeline  Pipeline // as it is now, or would be
	Restarted int      // recordings that were drained for it
}

type pipelineAnswer Pipeline // its name is that of the document

type pipelinesAnswer struct {
	Status    string           `json:"status" enum:"success"`
	Pipelines []pipelineAnswer `json:"pipelines"`
	Count     int              `json:"count" doc:"in this answer"`
	nextName
}

type onePipelineAnswer struct {
	Status   string         `json:"status" enum:"success"`
	Pipeline pipelineAnswer `json:"pipeline"`
}

type declaredAnswer struct {
	Status    string          `json:"status" enum:"created,replaced,unchanged,removed,refused"`
	DryRun    bool            `json:"dry_run"`
	Pipeline  *pipelineAnswer `json:"pipeline,omitempty"`
	Restarted int             `json:"restarted" doc:"recordings that were drained for it"`
	Problems  []problem       `json:"problems"`
}

type problem struct {
	At   string `json:"at,omitempty" doc:"file, line and column"`
	Path string `json:"path,omitempty" doc:"the setting"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty" doc:"what to do"`
}

type refusedAnswer struct {
	Status   string    `json:"status" enum:"error"`
	Error    string    `json:"error"`
	Problems []problem `json:"problems"`
}

type heldAnswer struct {
	Status     string `json:"status" enum:"started,stopped"`
	Name       string `json:"name"`
	Recordings int    `json:"recordings" doc:"that began or ended"`
}

// pipelineBody is a declaration in JSON; in YAML it is the same.
type pipelineBody struct {
	Streams []string         `json:"streams,omitempty" doc:"patterns of stream paths"`
	Record  string           `json:"record,omitempty" enum:"manual,always,event"`
	Stages  []map[string]any `json:"stages" doc:"each a name with its settings"`
}

var dryRunParams = []params.Param{{Name: "dry_run", Kind: params.Flag, Doc: "only say what would be"}}

func (s *Server) pipelines(w http.ResponseWriter, r *request) error {
	names, describe := s.listPipelines()
	a := pipelinesAnswer{Status: "success"}
	var err error
	a.Pipelines, a.nextName, err = pageByName(r, names, func(i int) pipelineAnswer { return pipelineOf(describe(i), r.who) })
	if err != nil {
		return err
	}
	a.Count = len(a.Pipelines)
	answer(w, http.StatusOK, a)
	return nil
}

func (s *Server) listPipelines() (names []string, describe func(i int) Pipeline) {
	if s.deps.Pipelines == nil {
		return nil, nil
	}
	return s.deps.Pipelines.List()
}

func pipelineOf(p Pipeline, who auth.Caller) pipelineAnswer {
	if mayDeclare(who) && p.Own != "" {
		p.Declaration = p.Own
	}
	p.Own = ""
	p.Streams, p.Stages, p.Recording = orEmpty(p.Streams), orEmpty(p.Stages), orEmpty(p.Recording)
	p.Streaming, p.Recording = further(p.Recording), first(p.Recording)
	return pipelineAnswer(p)
}

// mayDeclare reports whether a caller sees of pipelines made by request what their author
// wrote.
func mayDeclare(who auth.Caller) bool { return who.Roles.Holds(auth.Declare) }

func (s *Server) onePipeline(w http.ResponseWriter, r *request) error {
	name := r.params.ByName("name")
	names, describe := s.listPipelines()
	at, is := slices.BinarySearch(names, name)
	if !is {
		return NotFound("there is no pipeline %.64q: GET /mp4/pipelines lists them", name)
	}
	answer(w, http.StatusOK, onePipelineAnswer{"success", pipelineOf(describe(at), r.who)})
	return nil
}

func (s *Server) putPipeline(w http.ResponseWriter, r *request) error {
	dryRun := r.query.Flag("dry_run")
	if r.query.Err != nil {
		return r.query.Err
	}
	text, err := readDeclaration(r.Request)
	if err != nil {
		return err
	}
	if s.deps.Pipelines == nil {
		return errNoPipelines
	}
	name := r.params.ByName("name")
	d, err := s.deps.Pipelines.Declare(r.Context(), name, text, dryRun)
	return s.declared(w, r, "declare", name, dryRun, d, err)
}

func (s *Server) removePipeline(w http.ResponseWriter, r *request) error {
	dryRun := r.query.Flag("dry_run")
	if r.query.Err != nil {
		return r.query.Err
	}
	if s.deps.Pipelines == nil {
		return errNoPipelines
	}
	name := r.params.ByName("name")
	d, err := s.deps.Pipelines.Remove(r.Context(), name, dryRun)
	return s.declared(w, r, "remove", name, dryRun, d, err)
}

var errNoPipelines = Unavailable("pipelines cannot be changed here")

// declared answers with what a change came to. What is wrong is an error, but in
// a dry run the answer.
func (s *Server) declared(w http.ResponseWriter, r *request, act, name string, dryRun bool, d Declared, err error) error {
	a := declaredAnswer{Status: d.Status, DryRun: dryRun, Restarted: d.Restarted, Problems: []problem{}}
	var wrong config.Problems
	switch {
	case errors.As(err, &wrong) && dryRun:
		a.Status, a.Problems = "refused", s.problems(wrong)
	case err != nil:
		return s.refused(w, err)
	default:
		p := pipelineOf(d.Pipeline, r.who)
		a.Pipeline = &p
	}
	if !dryRun {
		s.did(r, act+" pipeline", "pipeline", name, "status", a.Status)
	}
	answer(w, http.StatusOK, a)
	return nil
}

// refused answers with the problems of a configuration; another error is handed
// on.
func (s *Server) refused(w http.ResponseWriter, err error) error {
	var wrong config.Problems
	if !errors.As(err, &wrong) {
		return err
	}
	answer(w, http.StatusUnprocessableEntity, refusedAnswer{"error", "the configuration is refused, nothing was changed: see problems", s.problems(wrong)})
	return nil
}

func (s *Server) problems(wrong config.Problems) []problem {
	out := make([]problem, len(wrong))
	for i, p := range wrong {
		out[i] = problem{At: p.Pos.String(), Path: p.Path, Text: s.shown.Text(p.Msg), Hint: s.shown.Hint(p.Hint)}
	}
	return out
}

// readDeclaration reads a body of YAML or JSON.
func readDeclaration(r *http.Request) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && (kind == "application/json" || kind == "application/yaml" || kind == "application/x-yaml" || kind == "text/yaml"):
	default:
		return nil, failure(http.StatusUnsupportedMediaType, "the body's Content-Type must be application/yaml or application/json")
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badBody(err)
	}
	return text, nil
}

func (s *Server) startPipeline(w http.ResponseWriter, r *request) error {
	if s.deps.Pipelines == nil {
		return errNoPipelines
	}
	name := r.params.ByName("name")
	n, err := s.deps.Pipelines.Start(r.Context(), name)
	if err != nil {
		return err
	}
	s.did(r, "start pipeline", "pipeline", name, "recordings", n)
	answer(w, http.StatusOK, heldAnswer{"started", name, n})
	return nil
}

func (s *Server) stopPipeline(w http.ResponseWriter, r *request) error {
	return s.endPipeline(w, r, false)
}

func (s *Server) drainPipeline(w http.ResponseWriter, r *request) error {
	return s.endPipeline(w, r, true)
}

func (s *Server) endPipeline(w http.ResponseWriter, r *request, drain bool) error {
	if s.deps.Pipelines == nil {
		return errNoPipelines
	}
	name := r.params.ByName("name")
	n, err := s.deps.Pipelines.Stop(r.Context(), name, drain)
	if err != nil {
		return err
	}
	s.did(r, "stop pipeline", "pipeline", name, "recordings", n, "drain", drain)
	answer(w, http.StatusOK, heldAnswer{"stopped", name, n})
	return nil
}
