package main

import (
	"context"
	"fmt"

	"github.com/gospool/spool/api"
)

// ready tells of each thing that a recorder stands on, without waiting for any:
// what cannot be reached is not there; and whether what is to be recorded is.
func (h *house) ready(ctx context.Context) []api.Check {
	return append(h.parts(ctx), h.recording())
}

func (h *house) parts(ctx context.Context) []api.Check {
	catalogue := h.catalogue.Stats()
	checks := []api.Check{
		{Name: "database", OK: catalogue.Connected, Detail: catalogue.LastError},
		{Name: "journal", OK: catalogue.JournalError == "", Detail: catalogue.JournalError},
		h.recordPath(ctx),
	}
	switch {
	case catalogue.Connected:
		checks[0].Detail = "" // it is back, and takes what waits
	case catalogue.LastError == "":
		checks[0].Detail = "it has not answered yet"
	}
	if dir, apart := databaseDir(h.cfg); apart && catalogue.Connected {
		for _, v := range h.writable.now(ctx, []string{dir}) {
			checks[0].OK, checks[0].Detail = v.err == nil, message(v.err)
		}
	}
	checks = append(checks, h.nodeCheck())
	if h.cfg.Ingest.RTSP.Listen != "" {
		checks = append(checks, h.listening())
	}
	return checks
}

// recordPath is the check that recordings can be written, whether there are any now
// or not.
func (h *house) recordPath(ctx context.Context) api.Check {
	c := api.Check{Name: recordPathCheck, OK: true}
	for _, p := range h.obstacles(ctx) {
		return api.Check{Name: recordPathCheck, Detail: p.Problem + ": " + p.Cause}
	}
	if why := h.elsewhere.Load(); why != nil {
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

func (h *house) listening() api.Check {
	select {
	case <-h.rtsp.Ready():
		return api.Check{Name: "rtsp", OK: true}
	default:
		return api.Check{Name: "rtsp", Detail: fmt.Sprintf("the server does not listen on %s yet", h.cfg.Ingest.RTSP.Listen)}
	}
}
