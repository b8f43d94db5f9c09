package api

import (
	"net/http"

	"github.com/gospool/spool/pipeline/recorder"
)

// Reloaded is what reading the configuration again came to.
type Reloaded struct {
	Pipelines, Streams recorder.Changes
	Schedule           bool     // the jobs are others
	NeedRestart        []string // settings that are others and stay as they are until then
	Warnings           []string
	Restarted          int // recordings that were drained for it
}

// Changed reports whether anything is other than before.
func (r Reloaded) Changed() bool { return r.Schedule || !r.Pipelines.None() || !r.Streams.None() }

type reloadAnswer struct {
	Status      string   `json:"status" enum:"reloaded,unchanged"`
	Pipelines   touched  `json:"pipelines"`
	Streams     touched  `json:"streams"`
	Schedule    bool     `json:"schedule" doc:"the jobs are others"`
	Restarted   int      `json:"restarted" doc:"recordings that were drained for it; no other lost anything"`
	NeedRestart []string `json:"need_restart" doc:"settings that are others in the file, and stay as they are until spool is started again"`
	Warnings    []string `json:"warnings"`
}

// reload reads the configuration again. A broken one changes nothing.
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
		a.Warnings = append(a.Warnings, s.scrub(warning))
	}
	if got.Changed() {
		a.Status = "reloaded"
	}
	s.did(r, "reload", "status", a.Status)
	answer(w, http.StatusOK, a)
	return nil
}

type touched recorder.Changes // its name is that of the document

func touchedBy(c recorder.Changes) touched {
	return touched{orEmpty(c.Added), orEmpty(c.Removed), orEmpty(c.Changed)}
}
