package api

import (
	"net/http"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/recorder"
)

// Schedule shows the schedule: the jobs of the setting crontab.
type Schedule interface {
	// Streams returns, for each stream with jobs, whether it should be recorded now.
	Streams() []recorder.StreamSchedule
	// Upcoming returns the next firings of all jobs, at most n, sorted by time.
	Upcoming(n int) []recorder.Firing
}

var scheduleParams = []params.Param{
	{Name: "limit", Kind: params.Integer, Def: "20", Max: 1000, Doc: "number of next actions"},
}

type scheduleAnswer struct {
	Status  string         `json:"status" enum:"success"`
	Now     *string        `json:"now" format:"date-time"`
	Streams []streamPlan   `json:"streams" doc:"what the jobs require for each stream now, and why; the first 1000"`
	Total   int            `json:"streams_total,omitempty" doc:"number of all of them; absent when the list has all"`
	Next    []firingAnswer `json:"next"`
	Count   int            `json:"count" doc:"entries of next"`
}

type streamPlan struct {
	Stream string  `json:"stream"`
	Record bool    `json:"record" doc:"the jobs require its recording now"`
	Why    string  `json:"why"`
	Job    string  `json:"job,omitempty" doc:"job with a window now"`
	Since  *string `json:"since,omitempty" format:"date-time"`
	Until  *string `json:"until,omitempty" format:"date-time" doc:"end of the recording, over windows that touch; absent: unknown"`
	Error  string  `json:"error,omitempty" doc:"why it is not recorded although it should be"`
}

type firingAnswer struct {
	At       *string `json:"at" format:"date-time"`
	Local    string  `json:"local" format:"date-time" doc:"the same, with the job's offset from UTC"`
	Until    *string `json:"until,omitempty" format:"date-time" doc:"end of the window that begins"`
	Job      string  `json:"job"`
	Stream   string  `json:"stream"`
	Action   string  `json:"action" enum:"record_start,record_stop,event"`
	Cron     string  `json:"cron"`
	Timezone string  `json:"timezone"`
}

func (s *Server) schedule(w http.ResponseWriter, r *request) error {
	limit := r.query.Integer("limit")
	if r.query.Err != nil {
		return r.query.Err
	}
	a := scheduleAnswer{Status: "success", Now: utc(s.deps.Clock.Now()), Streams: []streamPlan{}, Next: []firingAnswer{}}
	if s.deps.Schedule != nil {
		all := s.deps.Schedule.Streams()
		a.Total = further(all)
		for _, p := range first(all) {
			a.Streams = append(a.Streams, s.planned(p))
		}
		for _, f := range s.deps.Schedule.Upcoming(limit) {
			a.Next = append(a.Next, firing(f))
		}
	}
	a.Count = len(a.Next)
	answer(w, http.StatusOK, a)
	return nil
}

func (s *Server) planned(p recorder.StreamSchedule) streamPlan {
	return streamPlan{
		Stream: p.Stream, Record: p.Record, Why: why(p), Job: p.Job,
		Since: utc(p.Since), Until: utc(p.Until), Error: s.shown.Text(p.Error),
	}
}

func why(p recorder.StreamSchedule) string {
	switch {
	case p.Record && p.ClockWrong:
		return "the clock is wrong: it is recorded until the window that is now can be told"
	case p.Record:
		return "now is in a window of " + p.Job
	case !p.Stopped.IsZero():
		return "stopped by hand at " + *utc(p.Stopped) + ", which holds until the next window"
	}
	return "now is in no window"
}

func firing(f recorder.Firing) firingAnswer {
	return firingAnswer{
		At: utc(f.At), Local: f.At.In(f.Job.Cron.Location()).Format("2006-01-02T15:04:05Z07:00"), Until: utc(f.End),
		Job: f.Job.Name, Stream: f.Job.Stream, Action: string(f.Job.Action),
		Cron: f.Job.Cron.String(), Timezone: f.Job.Cron.Location().String(),
	}
}
