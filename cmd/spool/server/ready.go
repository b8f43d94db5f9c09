package server

import (
	"context"

	"github.com/gospool/spool/api"
)

// ready returns the readiness checks of /readyz: of each part that the recorder depends on, and of the
// recordings that should run. It waits at most waitForAsk for the test of a disk; then the last result counts.
// A disk whose test has taken hangsAfter counts as failed.
func (s *Server) ready(ctx context.Context) []api.Check {
	return append(s.parts(ctx), s.recording())
}

// parts returns the readiness checks of the database, the journal, the record directories, the node
// name and the ingest servers.
func (s *Server) parts(ctx context.Context) []api.Check {
	catalogue := s.catalogue.Stats()
	checks := []api.Check{
		{Name: "database", OK: catalogue.Connected, Detail: catalogue.LastError},
		{Name: "journal", OK: catalogue.JournalError == "", Detail: catalogue.JournalError},
		s.recordPath(ctx),
	}
	switch {
	case catalogue.Connected:
		checks[0].Detail = "" // LastError is from before the database was connected again
	case catalogue.LastError == "":
		checks[0].Detail = "the database has not answered yet"
	}
	if dir, apart := databaseDir(s.cfg); apart && catalogue.Connected {
		for _, v := range s.writable.now(ctx, []string{dir}) {
			checks[0].OK, checks[0].Detail = v.err == nil, message(v.err)
		}
	}
	checks = append(checks, s.nodeCheck())
	for _, server := range s.servers.All() {
		fault := server.Fault()
		checks = append(checks, api.Check{Name: server.Name, OK: fault == nil, Detail: message(fault)})
	}
	return checks
}

// recordPath is a readiness check: it fails while a new recording could not be written, even if no recording
// should begin now, and while the catalogue's rows belong to another record directory.
func (s *Server) recordPath(ctx context.Context) api.Check {
	c := api.Check{Name: recordPathCheck, OK: true}
	for _, p := range s.obstacles(ctx) {
		return api.Check{Name: recordPathCheck, Detail: p.Problem + ": " + p.Cause}
	}
	if why := s.elsewhere.Load(); why != nil {
		c.OK, c.Detail = false, *why
	}
	return c
}

// recordPathCheck is the name of the check recordPath.
const recordPathCheck = "record_path"

// message returns the text of an error, "" for nil.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
