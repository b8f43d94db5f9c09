package api

import (
	"io"
	"net/http"
	"time"
)

type readyAnswer struct {
	Status string  `json:"status" enum:"ready,not_ready"`
	Checks []Check `json:"checks"`
}

// healthz says that the process answers, and looks at nothing: a supervisor that
// restarts a recorder because a database is down loses footage for it.
func (s *Server) healthz(w http.ResponseWriter, _ *request) error {
	plainText(w, "ok\n")
	return nil
}

// readyz asks each thing that recording needs. Strangers are told which works,
// callers also why not.
func (s *Server) readyz(w http.ResponseWriter, r *request) error {
	a := readyAnswer{Status: "ready", Checks: []Check{}}
	if s.deps.Ready != nil {
		a.Checks = append(a.Checks, s.deps.Ready(r.Context())...)
	}
	code := http.StatusOK
	for i := range a.Checks {
		c := &a.Checks[i]
		if c.Detail = s.scrub(c.Detail); r.who.Role == "" {
			c.Detail = ""
		}
		if !c.OK {
			a.Status, code = "not_ready", http.StatusServiceUnavailable
		}
	}
	answer(w, code, a)
	return nil
}

// metrics lets Prometheus ask; it holds nothing between two scrapes.
func (s *Server) metrics(w http.ResponseWriter, r *request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // not every writer can
	s.scrape.ServeHTTP(w, r.Request)
	return nil
}

func plainText(w http.ResponseWriter, text string) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // not every writer can
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // the client went away: nobody to tell
}
