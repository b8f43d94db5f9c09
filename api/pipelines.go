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
	"github.com/gospool/spool/pipeline/recorder"
)

// Pipelines lists and changes the declared pipelines. Its methods return an *Error, or
// config.Problems with all problems of a configuration or declaration that is refused as a whole.
// The texts of these problems contain no directory of the machine. If Declare, Remove or Reload
// returns config.Problems, it has changed nothing.
type Pipelines interface {
	// List returns the sorted names of the pipelines, and a function that describes the pipeline of
	// names[i].
	List() (names []string, describe func(i int) Pipeline)
	// Declare creates or replaces a pipeline. text is YAML or JSON in the form of the setting
	// pipelines/NAME of the configuration file. With dryRun, Declare changes nothing, and returns
	// the result that the change would have.
	Declare(ctx context.Context, name string, text []byte, dryRun bool) (Declared, error)
	// Remove deletes a pipeline that was made by Declare. The error is NotFound for an unknown
	// name, Conflict for a pipeline that only the configuration file declares. With dryRun, Remove
	// changes nothing, and returns the result that the deletion would have.
	Remove(ctx context.Context, name string, dryRun bool) (Declared, error)
	// Start lets a pipeline record again that Stop has stopped, and begins to record the live and
	// configured streams of the pipeline. It returns the number of recordings that it has begun.
	Start(ctx context.Context, name string) (began int, err error)
	// Stop ends the recordings of a pipeline, and lets the pipeline record nothing until Start. It
	// returns the number of ended recordings when their files are finished. With drain it waits for
	// the files without a limit, otherwise for the time of a usual stop.
	Stop(ctx context.Context, name string, drain bool) (ended int, err error)
	// Reload reads the configuration again and applies the differences.
	Reload(ctx context.Context) (Reloaded, error)
}

// Pipeline describes a declared pipeline and its present state, as GET /mp4/pipelines returns it.
type Pipeline struct {
	Name        string   `json:"name"`
	Origin      string   `json:"origin" enum:"file,mp4,egress,api" doc:"where it is declared; mp4, egress: this block makes it"`
	Record      string   `json:"record" enum:"manual,always,event,watched"`
	Streams     []string `json:"streams"`
	Stages      []string `json:"stages" doc:"the graph: each stage passes its output to the next"` // names, the source first
	Declaration string   `json:"declaration" doc:"YAML with all defaults and without secrets. For callers without the role declare, and for pipelines of the configuration file, only the host of a URL and the program of a command"`
	Own         string   `json:"-"` // declaration for callers with the role declare; empty: they see Declaration, too
	Held        bool     `json:"held" doc:"stopped until the next start"`
	Recording   []string `json:"recording" doc:"streams that are being recorded, the first 1000"`
	Streaming   int      `json:"recording_total,omitempty" doc:"number of all of them; absent when the list has all"`
	Refused     string   `json:"refused,omitempty" doc:"why a pipeline made by API is kept but not run: it reaches something that the configuration file no longer declares, or exceeds its present limits"`
}

// Declared is the result of a declaration.
type Declared struct {
	Status    string   // created, replaced, unchanged or removed; in a dry run the status that the change would have
	Pipeline  Pipeline // the pipeline after the change; a removed one as it was before
	Restarted int      // number of recordings that the change has ended; a changed pipeline begins them again
}

type pipelineAnswer Pipeline // the type's name appears in the OpenAPI document

type pipelinesAnswer struct {
	Status    string           `json:"status" enum:"success"`
	Pipelines []pipelineAnswer `json:"pipelines"`
	Count     int              `json:"count" doc:"pipelines in this answer"`
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
	Recordings int    `json:"recordings" doc:"recordings that began or ended"`
}

// pipelineBody describes the body of a declaration, for the OpenAPI document only: the body itself is
// parsed as a part of the configuration.
type pipelineBody struct {
	Streams []string         `json:"streams,omitempty" doc:"patterns of stream paths"`
	Record  string           `json:"record,omitempty" enum:"manual,always,event,watched"`
	Stages  []map[string]any `json:"stages" doc:"each a stage's name with its settings"`
}

var dryRunParams = []params.Param{{Name: "dry_run", Kind: params.Flag, Doc: "report the result and change nothing"}}

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

// mayDeclare reports whether a caller may see the full declaration of pipelines made by API.
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

// declared answers a request to declare or remove a pipeline. d and err are the result of the change;
// act is its verb, for the log. If err holds the problems of a refused declaration, the answer lists
// them with code 422, or in a dry run with code 200. declared returns any other err.
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

// refused answers with code 422 if err holds the problems of a configuration. Otherwise it answers
// nothing and returns err.
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

// readDeclaration returns the body of a request, which must be YAML or JSON by its Content-Type. It
// does not parse the body.
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

// Reloaded is the result of a reload.
type Reloaded struct {
	Pipelines, Streams recorder.Changes
	Schedule           bool     // the schedule has changed
	NeedRestart        []string // paths of changed settings that take effect at the next start of spool
	Warnings           []string
	Restarted          int // number of recordings that the reload has ended; a changed pipeline begins them again
}

// Changed reports whether the reload has changed pipelines, streams or the schedule.
func (r Reloaded) Changed() bool { return r.Schedule || !r.Pipelines.None() || !r.Streams.None() }

type reloadAnswer struct {
	Status      string   `json:"status" enum:"reloaded,unchanged"`
	Pipelines   touched  `json:"pipelines"`
	Streams     touched  `json:"streams"`
	Schedule    bool     `json:"schedule" doc:"the schedule changed"`
	Restarted   int      `json:"restarted" doc:"recordings that were drained for it; the others went on"`
	NeedRestart []string `json:"need_restart" doc:"changed settings that take effect at the next start of spool"`
	Warnings    []string `json:"warnings"`
}

// reload lets the server read the configuration again. An invalid configuration changes nothing and is
// answered with its problems.
func (s *Server) reload(w http.ResponseWriter, r *request) error {
	if s.deps.Pipelines == nil {
		return errNoPipelines
	}
	got, err := s.deps.Pipelines.Reload(r.Context())
	if err != nil {
		return s.refused(w, err)
	}
	a := reloadAnswer{
		Status: "unchanged", Pipelines: touchedBy(got.Pipelines), Streams: touchedBy(got.Streams), Schedule: got.Schedule,
		Restarted: got.Restarted, NeedRestart: orEmpty(got.NeedRestart), Warnings: []string{},
	}
	for _, warning := range got.Warnings {
		a.Warnings = append(a.Warnings, s.shown.Text(warning))
	}
	if got.Changed() {
		a.Status = "reloaded"
	}
	s.did(r, "reload", "status", a.Status)
	answer(w, http.StatusOK, a)
	return nil
}

type touched recorder.Changes // the type's name appears in the OpenAPI document

func touchedBy(c recorder.Changes) touched {
	return touched{orEmpty(c.Added), orEmpty(c.Removed), orEmpty(c.Changed)}
}
