package api

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline"
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
		if c.Detail = s.shown.Text(c.Detail); r.who.Roles == 0 {
			c.Detail = ""
		}
		if !c.OK {
			a.Status, code = "not_ready", http.StatusServiceUnavailable
		}
	}
	answer(w, code, a)
	return nil
}

type healthAnswer struct {
	Status   string          `json:"status" enum:"ok,degraded,failing" doc:"failing: media is not recorded that should be"`
	Problems []problemAnswer `json:"problems" doc:"what is wrong now, the worst first; at most limit, and about a mebibyte"`
	Total    int             `json:"total,omitempty" doc:"how many there are; absent where all of them are here"`
}

var healthParams = []params.Param{{Name: "limit", Kind: params.Integer, Def: "1000", Max: 1000, Doc: "problems in the answer"}}

// health lists what is wrong now, of every stream and of the process. It is no check
// for a supervisor: it answers 200 whatever is wrong.
func (s *Server) health(w http.ResponseWriter, r *request) error {
	limit := r.query.Integer("limit")
	if r.query.Err != nil {
		return r.query.Err
	}
	a := healthAnswer{Status: "ok", Problems: []problemAnswer{}}
	all := s.wrong(r.Context())
	for i, p := range all {
		switch {
		case p.Failing:
			a.Status = "failing"
		case a.Status == "ok":
			a.Status = "degraded"
		}
		if i < limit {
			a.Problems = append(a.Problems, s.problem(p.Stream, p))
		}
	}
	if a.Problems, _ = within(a.Problems, "", func(int) string { return "" }); len(a.Problems) < len(all) {
		a.Total = len(all)
	}
	answer(w, http.StatusOK, a)
	return nil
}

// wrong is the problems, each once, sorted: the worst first, then the oldest.
func (s *Server) wrong(ctx context.Context) []pipeline.Problem {
	if s.deps.Health == nil {
		return nil
	}
	seen := map[[3]string]bool{}
	all := slices.DeleteFunc(s.deps.Health(ctx), func(p pipeline.Problem) bool { // of several pipelines of a stream
		key := [3]string{p.Problem, p.Stream, p.Cause}
		was := seen[key]
		seen[key] = true
		return was
	})
	slices.SortStableFunc(all, func(a, b pipeline.Problem) int {
		if a.Failing != b.Failing {
			if a.Failing {
				return -1
			}
			return 1
		}
		return a.Since.Compare(b.Since)
	})
	return all
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
