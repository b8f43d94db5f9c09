package api

import (
	"net/http"

	"github.com/gospool/spool/pipeline/recorder"
)

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
