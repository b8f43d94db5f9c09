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
	"github.com/gospool/spool/cmd/spool/server/unmanaged"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// problems lists all present problems, for GET /mp4/health and the metrics: those of streams and
// recordings, of the disk and the database, of the configuration, of retention and of the clock.
func (s *Server) problems(ctx context.Context) (all []pipeline.Problem) {
	all = s.recordingProblems()
	catalogue := s.catalogue.Stats()
	all = append(all, s.nodeProblems()...)
	obstacles := s.obstacles(ctx)
	for _, p := range append(obstacles, s.scarce()...) {
		// An obstacle that a recording has reported already, with its file, is left out.
		reported := func(other pipeline.Problem) bool { return other.Problem == p.Problem }
		if !slices.ContainsFunc(all, reported) {
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
			Cause: fmt.Sprintf("the database refuses %s, each kept as a file in %s; reason of the newest: %s", refusedRows(n), catalogue.AsideDir, catalogue.AsideError),
			Remedy: "read the database's error in each file, such as a constraint that spool did not make or a packet limit; " +
				"the rows are tried again every ten minutes, at a restart and by spool reindex",
		})
	}
	made := s.declared.State()
	if why := made.Refusals(); len(why) > 0 {
		p := pipeline.Problem{
			Problem: "pipelines_refused", Cause: firstOf(why), Failing: true,
			Remedy: "declare in the configuration file the resources that they use, or delete them: DELETE /mp4/pipelines/{name}",
		}
		if made.Unread() {
			p.Remedy = "remove the cause, for example with chown, and reload: POST /mp4/reload; or write the pipelines into the configuration file and remove .spool-pipelines.yaml"
		}
		all = append(all, p)
	}
	for _, d := range unmanaged.Directories(made.All) {
		all = append(all, pipeline.Problem{Problem: "directory_not_managed", Cause: d.Cause(), Remedy: d.Remedy()})
	}
	if err := s.declared.DirectoryError(); err != nil {
		all = append(all, pipeline.Problem{
			Problem: "restart_forgets", Cause: fmt.Sprintf("%s: %v", declared.RestartForgets, err),
			Remedy: "chown or chmod the record directory as the cause says, or run spool as its owner, and reload: POST /mp4/reload; or write the pipelines into the configuration file",
		})
	}
	if wrong, since := s.declared.Unloaded(); len(wrong) > 0 {
		why := make([]string, len(wrong))
		for i, p := range wrong {
			why[i] = p.String()
		}
		all = append(all, pipeline.Problem{
			Problem: "configuration_refused", Since: since, Cause: "the configuration file is refused: " + firstOf(why),
			Remedy: "correct the file as the cause says; the previous configuration runs until then, and a restart would fail",
		})
	}
	if settings, since := s.declared.NeedRestart(); len(settings) > 0 {
		all = append(all, pipeline.Problem{
			Problem: "restart_needed", Since: since, Cause: "settings have changed in the configuration file and are not in effect: " + strings.Join(settings, ", "),
			Remedy: "restart spool, or give the settings the values of before and reload: POST /mp4/reload",
		})
	}
	if why := s.keeper.LastError(); why != "" {
		all = append(all, pipeline.Problem{Problem: "retention", Cause: why, Remedy: "find out why files cannot be deleted; the disk may fill up meanwhile"})
	}
	all = append(append(all, s.wall.Problems()...), s.keeper.Problems()...)
	s.firstSeen.date(all, s.clock.Now())
	return all
}

// times returns the words for a number of repetitions: once, or 3 times.
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

// remedies holds the remedy for a failed readiness check, by the name of the check.
var remedies = map[string]string{
	"database":    "recording goes on, and rows wait in the journal: check that the database runs, has free space and accepts writes",
	"journal":     "rows wait in memory, and a comparison with the disk restores them after a crash: free space on the journal's disk, or find out why it cannot be written",
	"record_path": "mount the disk with the recordings, or set mp4.record_path",
}

// remedy returns the remedy for a failed readiness check: that in remedies, or for the check of an
// ingest server that of the server's fault. part is the name of the check.
func (s *Server) remedy(part string) string {
	for _, server := range s.servers.All() {
		if server.Name != part {
			continue
		}
		why := server.Fault()
		if fault := (*certificate.Fault)(nil); errors.As(why, &fault) {
			return fault.Remedy
		}
		if fault := (*config.ListenFault)(nil); errors.As(why, &fault) {
			return fault.Remedy
		}
	}
	return cmp.Or(remedies[part], fmt.Sprintf("find the program that listens on this address, or set ingest.%s.listen", part))
}

// recordingProblems lists the present problems of streams and of their recordings: the problems that
// streams and recordings report, recordings that have failed and will be retried, and recordings that
// retention has stopped.
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
				Remedy: "remove the cause; spool retries by itself", Failing: true,
			})
		}
	}
	for stream, stop := range s.keeper.Stopped() {
		all = append(all, pipeline.Problem{
			Problem: "no_room", Since: stop.Since, Stream: stream, Failing: true,
			Cause:  "recording is stopped: no space is left, and no recording may be deleted",
			Remedy: "unprotect or delete recordings, or " + stop.Remedy + "; recording then resumes by itself",
		})
	}
	return all
}

// unwritable lists the kinds of problems (see pipeline.Problem) that keep a recording from writing and
// are not the fault of the publisher.
var unwritable = append(disk.Unwritable(), "recording_failed", "no_room")

// recording is a readiness check: it fails while a recording that should run cannot write.
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

// firstOf joins at most five reasons with semicolons, and adds the number of the reasons that it leaves
// out.
func firstOf(why []string) string {
	if len(why) > 5 {
		why = append(why[:5:5], fmt.Sprintf("and %d more", len(why)-5))
	}
	return strings.Join(why, "; ")
}

// firstSeen remembers since when each present problem is known, for problems that are reported without
// a time.
type firstSeen struct {
	mu sync.Mutex           // guards the fields below
	at map[string]time.Time // by the problem's word and stream: time of the first call of date that had the problem
}

// date fills in Since of each problem in all that has none: with the time now of the first call that
// had this problem. It forgets the problems that are not in all, so that a problem that comes back
// counts as new.
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
