package configs

import (
	"cmp"
	"strconv"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/spec"
)

// Agenda is the crontab as the program asks it.
func (c *Config) Agenda() (pipeline.Agenda, spec.Problems) {
	var problems spec.Problems
	agenda := pipeline.Agenda{}
	for i, j := range c.Crontab.Jobs {
		job, err := c.job(j)
		if err != nil { // a time zone that was there when the configuration was checked
			problems = append(problems, c.Problem(jobPath(i), err.Error()))
			continue
		}
		agenda = append(agenda, job)
	}
	return agenda, problems
}

func (c *Config) job(j Job) (pipeline.ScheduleJob, error) {
	loc := time.Local
	if name := cmp.Or(j.Timezone, c.MP4.Timezone); name != "" {
		var err error
		if loc, err = time.LoadLocation(name); err != nil {
			return pipeline.ScheduleJob{}, err
		}
	}
	cron, err := pipeline.ParseCron(j.Cron, loc)
	return pipeline.ScheduleJob{
		Name: cmp.Or(j.Name, j.Action+" "+j.Stream), Stream: j.Stream,
		Action: pipeline.Action(j.Action), Cron: cron, Duration: j.Duration.D(),
	}, err
}

func jobPath(i int) string { return spec.Join("crontab/jobs", strconv.Itoa(i)) }

// crontabWarnings are about jobs that may not do what is expected of them.
func (c *Config) crontabWarnings() (ps spec.Problems) {
	stopped := map[string]bool{}
	for _, j := range c.Crontab.Jobs {
		stopped[j.Stream] = stopped[j.Stream] || j.Action == "record_stop"
	}
	for i, j := range c.Crontab.Jobs {
		if len(c.Pipelines) > 0 && !c.recorded(j.Stream) {
			p := c.Problem(jobPath(i)+"/stream", "no pipeline is for this stream: the job records nothing")
			ps = append(ps, p.WithHint("add the stream to a pipeline's streams"))
		}
		if j.Action == "record_start" && j.Duration == 0 && !stopped[j.Stream] {
			p := c.Problem(jobPath(i), "nothing ends this recording: it is on for ever after the first time")
			ps = append(ps, p.WithHint("give the job a duration, or the stream a record_stop job"))
		}
	}
	return ps
}
