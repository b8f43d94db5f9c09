package api

import (
	"net/http"

	"github.com/gospool/spool/api/auth"
)

// indexAnswer describes the API, and where to publish.
type indexAnswer struct {
	Name      string           `json:"name"`
	Version   string           `json:"version"`
	PublishTo []PublishAddress `json:"publish_to" doc:"where streams can be published to"`
	Endpoints []endpoint       `json:"endpoints"`
}

type endpoint struct {
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Summary string    `json:"summary"`
	Role    auth.Role `json:"role,omitempty" enum:"view,control,admin,declare"`
}

func (s *Server) index(w http.ResponseWriter, _ *request) error {
	a := indexAnswer{Name: s.cfg.Name, Version: s.cfg.Version, PublishTo: orEmpty(s.deps.PublishTo())}
	for i := range s.table {
		rt := &s.table[i]
		a.Endpoints = append(a.Endpoints, endpoint{rt.method, rt.template(), rt.summary, rt.role})
	}
	answer(w, http.StatusOK, a)
	return nil
}
