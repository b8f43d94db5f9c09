package configs

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

// Agenda converts the crontab to a recorder.Agenda. It leaves out each job that cannot be converted, because its
// time zone has become unknown since Load, and returns a problem for it.
func (c *Config) Agenda() (recorder.Agenda, config.Problems) {
	var problems config.Problems
	agenda := recorder.Agenda{}
	for i, j := range c.Crontab.Jobs {
		job, err := c.job(j)
		if err != nil { // Load found the time zone; it was removed since
			problems = append(problems, c.Problem(jobPath(i), err.Error()))
			continue
		}
		agenda = append(agenda, job)
	}
	return agenda, problems
}

func (c *Config) job(j Job) (recorder.ScheduleJob, error) {
	loc := time.Local
	if name := cmp.Or(j.Timezone, c.MP4.Timezone); name != "" {
		var err error
		if loc, err = time.LoadLocation(name); err != nil {
			return recorder.ScheduleJob{}, err
		}
	}
	cron, err := recorder.ParseCron(j.Cron, loc)
	return recorder.ScheduleJob{
		Name: cmp.Or(j.Name, j.Action+" "+j.Stream), Stream: j.Stream,
		Action: recorder.Action(j.Action), Cron: cron, Duration: j.Duration.D(),
	}, err
}

func jobPath(i int) string { return config.Join("crontab/jobs", strconv.Itoa(i)) }

// misses returns the remedy for a job whose stream is covered by pipelines that cannot do the job's action: record
// events, or start by request. It returns "" if one of the pipelines can, or if no pipeline covers the stream.
func (c *Config) misses(j Job) string {
	modes := c.modes(j.Stream)
	switch {
	case len(modes) == 0:
		return ""
	case j.Action == "event" && !slices.Contains(modes, "event") && !slices.Contains(modes, "always"):
		return "its events are recorded only while it is recorded by hand or by another job: add it to a pipeline with record: event"
	case j.Action != "event" && !slices.ContainsFunc(modes, func(m string) bool { return m != "event" }):
		return "its pipelines record events only: add it to one with record: manual"
	}
	return ""
}

// modes returns the mode (manual, always or event) of each recording pipeline whose patterns match a stream. The modes have no
// order and may repeat.
func (c *Config) modes(stream string) (modes []string) {
	for _, p := range c.Pipelines {
		if !p.watched() && p.covers(stream) {
			modes = append(modes, p.Record)
		}
	}
	return modes
}

// crontabWarnings returns warnings about jobs whose stream no pipeline records, jobs whose action no pipeline of the
// stream can do, and recordings that no job and no duration ends.
func (c *Config) crontabWarnings() (ps config.Problems) {
	stopped := map[string]bool{}
	for _, j := range c.Crontab.Jobs {
		stopped[j.Stream] = stopped[j.Stream] || j.Action == "record_stop"
	}
	for i, j := range c.Crontab.Jobs {
		if c.records() && !c.recorded(j.Stream) {
			p := c.Problem(jobPath(i)+"/stream", "no pipeline matches this stream: the job records nothing")
			ps = append(ps, p.WithHint("add the stream to a pipeline's streams"))
		}
		if hint := c.misses(j); hint != "" {
			ps = append(ps, c.Problem(jobPath(i)+"/stream", "no pipeline of this stream can do the job").WithHint("%s", hint))
		}
		if j.Action == "record_start" && j.Duration == 0 && !stopped[j.Stream] {
			p := c.Problem(jobPath(i), "nothing ends this recording: it runs for ever after its first start")
			ps = append(ps, p.WithHint("give the job a duration, or the stream a record_stop job"))
		}
	}
	return ps
}
