package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/cmd/spool/server/declared"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// problems lists what is wrong now: what the recordings say, those that failed and
// are to run again, and what they stand on.
func (s *Server) problems(ctx context.Context) (all []pipeline.Problem) {
	all = s.recordingProblems()
	catalogue := s.catalogue.Stats()
	all = append(all, s.nodeProblems()...)
	obstacles := s.obstacles(ctx)
	for _, p := range append(obstacles, s.scarce()...) {
		said := func(other pipeline.Problem) bool { return other.Problem == p.Problem } // by a recording, with its file
		if !slices.ContainsFunc(all, said) {
			all = append(all, p)
		}
	}
	for _, c := range s.parts(ctx) {
		if c.OK || c.Name == "node" || c.Name == recordPathCheck && len(obstacles) > 0 {
			continue
		}
		p := pipeline.Problem{Problem: c.Name, Cause: c.Detail, Remedy: s.remedy(c.Name)}
		switch c.Name {
		case "database":
			p.Since = catalogue.DownSince
			switch {
			case catalogue.Malformed:
				p.Problem, p.Remedy = "catalogue_malformed", "recording goes on, and rows wait in the journal: run spool reindex, also while this recorder runs"
			case catalogue.Advice != "":
				p.Remedy = catalogue.Advice
			}
			if catalogue.Tries > 0 {
				p.Cause = fmt.Sprintf("%s; tried %s, and %s in the journal", c.Detail, times(catalogue.Tries), waiting(catalogue.Pending))
			}
		case "journal":
			p.Since = catalogue.JournalSince
		}
		all = append(all, p)
	}
	if n := catalogue.Aside; n > 0 {
		all = append(all, pipeline.Problem{
			Problem: "rows_set_aside", Since: catalogue.AsideSince,
			Cause: fmt.Sprintf("the database refuses %s, each a file in %s; the newest because: %s", refusedRows(n), catalogue.AsideDir, catalogue.AsideError),
			Remedy: "see what the database says in each file, such as a constraint that spool did not make or a limit of a packet; " +
				"they are tried again every ten minutes, at a restart and by spool reindex",
		})
	}
	made := s.declared.State()
	if why := made.Refusals(); len(why) > 0 {
		p := pipeline.Problem{
			Problem: "pipelines_refused", Cause: firstOf(why), Failing: true,
			Remedy: "declare in the configuration file what they name, or take them back: DELETE /mp4/pipelines/{name}",
		}
		if made.Unread() {
			p.Remedy = "do what the cause says, such as chown, and reload: POST /mp4/reload; or write the pipelines into the configuration file and remove .spool-pipelines.yaml"
		}
		all = append(all, p)
	}
	if err := s.declared.Forgets(); err != nil {
		all = append(all, pipeline.Problem{
			Problem: "restart_forgets", Cause: fmt.Sprintf("%s: %v", declared.WhatIsForgotten, err),
			Remedy: "chown or chmod the record directory as the cause says and reload: POST /mp4/reload; or run spool as its owner; and write pipelines into the configuration file",
		})
	}
	if wrong := s.declared.Unloaded(); len(wrong) > 0 {
		why := make([]string, len(wrong))
		for i, p := range wrong {
			why[i] = p.String()
		}
		all = append(all, pipeline.Problem{
			Problem: "configuration_refused", Cause: "the configuration's file is not obeyed: " + firstOf(why),
			Remedy: "do what the cause says: the configuration of before is run until then, and the next start reads the file as it is",
		})
	}
	if why := s.keeper.LastError(); why != "" {
		all = append(all, pipeline.Problem{Problem: "retention", Cause: why, Remedy: "see why files cannot be deleted; the disk may become full meanwhile"})
	}
	all = append(append(all, s.wall.Problems()...), s.keeper.Problems()...)
	s.firstSeen.date(all, s.clock.Now())
	return all
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func refusedRows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

func waiting(n int) string {
	if n == 1 {
		return "1 change waits"
	}
	return fmt.Sprintf("%d changes wait", n)
}

// remedies are what to do about a part that does not work, by its name.
var remedies = map[string]string{
	"database":    "recording goes on, and rows wait in the journal: see that the database runs, has room and may be written",
	"journal":     "rows wait in memory, and those of a crash are found again by a comparison with the disk: make room on the disk of the journal, or see why it cannot be written",
	"record_path": "mount the disk with the recordings, or set mp4.record_path",
}

// remedy is what to do about a part that does not work: one without a remedy of its own
// is a server of ingest.
func (s *Server) remedy(part string) string {
	for _, server := range s.servers.All() {
		if fault := (*certificate.Fault)(nil); server.Name == part && errors.As(server.Fault(), &fault) {
			return fault.Remedy
		}
	}
	return cmp.Or(remedies[part], fmt.Sprintf("see who else listens there, or set ingest.%s.listen", part))
}

// recordingProblems are those of the streams and of their recordings.
func (s *Server) recordingProblems() (all []pipeline.Problem) {
	for _, path := range s.expected.All() {
		for _, p := range s.expected.Problems(path) {
			p.Stream = path
			all = append(all, p)
		}
	}
	for _, j := range s.recorder.Jobs() {
		for _, p := range j.Report.Problems {
			p.Stream = j.Stream
			all = append(all, p)
		}
		if j.State == recorder.JobBackoff {
			all = append(all, pipeline.Problem{
				Problem: "recording_failed", Since: j.FailingSince, Stream: j.Stream, Cause: j.LastError,
				Remedy: "it is tried again by itself: see what the cause says", Failing: true,
			})
		}
	}
	for stream, since := range s.keeper.Stopped() {
		all = append(all, pipeline.Problem{
			Problem: "no_room", Since: since, Stream: stream, Failing: true,
			Cause:  "recording is stopped: there is no room, and nothing that may be deleted",
			Remedy: "unprotect or delete footage, or raise the limit; it then goes on by itself",
		})
	}
	return all
}

// unwritable are the problems for which a recording that should be running writes
// nothing, and which lie with the machine and not with the sender.
var unwritable = append(disk.Unwritable(), "recording_failed", "no_room")

// recording is the check that every recording which should be running can write.
func (s *Server) recording() api.Check {
	var why []string
	for _, p := range s.recordingProblems() {
		if p.Failing && slices.Contains(unwritable, p.Problem) {
			why = append(why, fmt.Sprintf("%s: %s: %s", p.Stream, p.Problem, p.Cause))
		}
	}
	slices.Sort(why)
	return api.Check{Name: "recording", OK: len(why) == 0, Detail: firstOf(why)}
}

// firstOf joins the first five of many reasons.
func firstOf(why []string) string {
	if len(why) > 5 {
		why = append(why[:5:5], fmt.Sprintf("and %d more", len(why)-5))
	}
	return strings.Join(why, "; ")
}

// firstSeen remembers since when a problem lasts whose part does not tell.
type firstSeen struct {
	mu sync.Mutex // guards what follows
	at map[string]time.Time
}

// date fills in what is not known, and forgets problems that are over.
func (f *firstSeen) date(all []pipeline.Problem, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := map[string]time.Time{}
	for i := range all {
		p := &all[i]
		key := p.Problem + " " + p.Stream
		since, known := f.at[key]
		if !known {
			since = now
		}
		next[key] = since
		if p.Since.IsZero() {
			p.Since = since
		}
	}
	f.at = next
}
