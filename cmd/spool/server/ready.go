package server

import (
	"context"

	"github.com/gospool/spool/api"
)

// ready checks each part that the recorder depends on, and whether the recordings that should
// be running can write. It waits for no part: one that does not answer counts as failed.
func (s *Server) ready(ctx context.Context) []api.Check {
	return append(s.parts(ctx), s.recording())
}

func (s *Server) parts(ctx context.Context) []api.Check {
	catalogue := s.catalogue.Stats()
	checks := []api.Check{
		{Name: "database", OK: catalogue.Connected, Detail: catalogue.LastError},
		{Name: "journal", OK: catalogue.JournalError == "", Detail: catalogue.JournalError},
		s.recordPath(ctx),
	}
	switch {
	case catalogue.Connected:
		checks[0].Detail = "" // the database is back and accepts the waiting changes
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

// recordPath checks that recordings can be written, whether any is running or not.
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

const recordPathCheck = "record_path"

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
