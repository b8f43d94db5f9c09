package api

import "context"

// Pipelines are the declared pipelines, and what changes them. Errors that a
// client should see are *Error or *Refused.
type Pipelines interface {
	List() []Pipeline // by name
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
	Name        string
	Origin      string // file, mp4 (made by the block of that name) or api
	Record      string
	Streams     []string
	Stages      []string // names, the source first
	Declaration string   // YAML, resolved, without secrets
	Held        bool     // stopped until it is started
	Recording   []string // streams
}

// Declared is what a declaration came to.
type Declared struct {
	Status    string   // created, replaced, unchanged, removed, or in a dry run what it would be
	Pipeline  Pipeline // as it is now, or would be
	Restarted int      // recordings that were drained for it
}

// Reloaded is what reading the configuration again came to.
type Reloaded struct {
	Pipelines, Streams Touched
	Schedule           bool     // the jobs are others
	NeedRestart        []string // settings that are others and stay as they are until then
	Warnings           []string
	Restarted          int // recordings that were drained for it
}

// Touched are the names of what changed.
type Touched struct {
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Changed []string `json:"changed"`
}

// Refused says all that is wrong with a configuration. Nothing was changed.
type Refused struct{ Problems []Problem }

// Error counts them.
func (e *Refused) Error() string {
	return "the configuration is refused, nothing was changed: see problems"
}

// Problem is one thing that is wrong.
type Problem struct {
	At   string `json:"at,omitempty" doc:"file, line and column"`
	Path string `json:"path,omitempty" doc:"the setting"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty" doc:"what to do"`
}
