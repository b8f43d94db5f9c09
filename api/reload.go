package api

import (
	"net/http"

	"github.com/gospool/spool/pipeline/recorder"
)

// Reloaded tells what reading the configuration again changed.
type Reloaded struct {
	Pipelines, Streams recorder.Changes
	Schedule           bool     // its jobs changed
	NeedRestart        []string // settings that changed in the file, and take effect at the next start
	Warnings           []string
	Restarted          int // recordings that were drained for it
}

// Changed reports whether anything is other than before.
func (r Reloaded) Changed() bool { return r.Schedule || !r.Pipelines.None() || !r.Streams.None() }

type reloadAnswer struct {
	Status      string   `json:"status" enum:"reloaded,unchanged"`
	Pipelines   touched  `json:"pipelines"`
	Streams     touched  `json:"streams"`
	Schedule    bool     `json:"schedule" doc:"the schedule changed"`
	Restarted   int      `json:"restarted" doc:"recordings that were drained for it; no other lost anything"`
	NeedRestart []string `json:"need_restart" doc:"settings that changed in the file, and take effect when spool is started again"`
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
		a.Warnings = append(a.Warnings, s.shown.Text(warning))
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
