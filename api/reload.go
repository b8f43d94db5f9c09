package api

import "net/http"

type reloadAnswer struct {
	Status      string   `json:"status" enum:"reloaded,unchanged"`
	Pipelines   Touched  `json:"pipelines"`
	Streams     Touched  `json:"streams"`
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
		Status: "unchanged", Pipelines: got.Pipelines.orEmpty(), Streams: got.Streams.orEmpty(), Schedule: got.Schedule,
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

// Changed tells whether anything is other than before.
func (r Reloaded) Changed() bool {
	return r.Schedule || r.Pipelines.changed() || r.Streams.changed()
}

func (t Touched) changed() bool { return len(t.Added)+len(t.Removed)+len(t.Changed) > 0 }

func (t Touched) orEmpty() Touched {
	return Touched{orEmpty(t.Added), orEmpty(t.Removed), orEmpty(t.Changed)}
}
