package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gospool/spool/api"
)

// ready tells of each thing that a recorder stands on, without waiting for any:
// what cannot be reached is not there; and whether what is to be recorded is.
func (h *house) ready(ctx context.Context) []api.Check {
	return append(h.parts(ctx), h.recording())
}

func (h *house) parts(context.Context) []api.Check {
	catalogue := h.catalogue.Stats()
	checks := []api.Check{
		{Name: "database", OK: catalogue.Connected, Detail: catalogue.LastError},
		{Name: "journal", OK: catalogue.JournalError == "", Detail: catalogue.JournalError},
		{Name: "record_path", OK: true},
	}
	if !catalogue.Connected && catalogue.LastError == "" {
		checks[0].Detail = "it has not answered yet"
	}
	if info, err := os.Stat(h.cfg.MP4.RecordPath); err != nil {
		checks[2].OK, checks[2].Detail = false, err.Error()
	} else if !info.IsDir() {
		checks[2].OK, checks[2].Detail = false, "it is no directory"
	}
	if why := h.elsewhere.Load(); why != nil && checks[2].OK {
		checks[2].OK, checks[2].Detail = false, *why
	}
	checks = append(checks, h.nodeCheck())
	if h.cfg.Ingest.RTSP.Listen != "" {
		checks = append(checks, h.listening())
	}
	return checks
}

func (h *house) listening() api.Check {
	select {
	case <-h.rtsp.Ready():
		return api.Check{Name: "rtsp", OK: true}
	default:
		return api.Check{Name: "rtsp", Detail: fmt.Sprintf("the server does not listen on %s yet", h.cfg.Ingest.RTSP.Listen)}
	}
}
