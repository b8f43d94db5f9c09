package api

import (
	"context"

	"github.com/gospool/spool/pipeline/recorder"
)

// Pipelines are the declared pipelines, and what changes them. Errors that a
// client should see are *Error, or config.Problems without directories of the machine:
// all that is wrong with a configuration, of which nothing was changed then.
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
	Name        string   `json:"name"`
	Origin      string   `json:"origin" enum:"file,mp4,api" doc:"where it is declared; mp4: the block of that name makes it"`
	Record      string   `json:"record" enum:"manual,always,event"`
	Streams     []string `json:"streams"`
	Stages      []string `json:"stages" doc:"the graph: each stage gives to the next"` // names, the source first
	Declaration string   `json:"declaration" doc:"YAML, with all that was left out; without secrets"`
	Held        bool     `json:"held" doc:"stopped until it is started"`
	Recording   []string `json:"recording" doc:"streams"`
}

// Declared is what a declaration came to.
type Declared struct {
	Status    string   // created, replaced, unchanged, removed, or in a dry run what it would be
	Pipeline  Pipeline // as it is now, or would be
	Restarted int      // recordings that were drained for it
}

// Reloaded is what reading the configuration again came to.
type Reloaded struct {
	Pipelines, Streams recorder.Changes
	Schedule           bool     // the jobs are others
	NeedRestart        []string // settings that are others and stay as they are until then
	Warnings           []string
	Restarted          int // recordings that were drained for it
}
