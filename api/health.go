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

// healthz always answers 200: it shows only that the process runs. It does not check the database,
// because a supervisor that restarts the recorder for a database that is down loses media.
func (s *Server) healthz(w http.ResponseWriter, _ *request) error {
	plainText(w, "ok\n")
	return nil
}

// readyz runs the checks of all parts that recording needs, and answers 503 if one fails. Only an
// authenticated caller gets the reasons of failed checks.
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
	Status   string          `json:"status" enum:"ok,degraded,failing" doc:"failing: media that should be recorded is not"`
	Problems []problemAnswer `json:"problems" doc:"present problems, the worst first; at most limit, and about a mebibyte"`
	Total    int             `json:"total,omitempty" doc:"number of all problems; absent when the answer has all"`
}

var healthParams = []params.Param{{Name: "limit", Kind: params.Integer, Def: "1000", Max: 1000, Doc: "problems in the answer"}}

// health lists the present problems of all streams and of the process. It answers 200 even with
// problems; a supervisor uses readyz instead.
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

// wrong returns the present problems without duplicates. The problems by which media is not
// recorded come first. Of both groups the oldest problem comes first.
func (s *Server) wrong(ctx context.Context) []pipeline.Problem {
	if s.deps.Health == nil {
		return nil
	}
	seen := map[[3]string]bool{}
	// Two pipelines of one stream may report the same problem.
	all := slices.DeleteFunc(s.deps.Health(ctx), func(p pipeline.Problem) bool {
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

// metrics answers a scrape of Prometheus.
func (s *Server) metrics(w http.ResponseWriter, r *request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // not every writer supports it
	s.scrape.ServeHTTP(w, r.Request)
	return nil
}

func plainText(w http.ResponseWriter, text string) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // not every writer supports it
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // an error means that the client has left
}
