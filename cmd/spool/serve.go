package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gospool/spool/cmd/spool/logging"
	"github.com/gospool/spool/cmd/spool/server"
	"github.com/gospool/spool/cmd/spool/server/outside"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/wallclock"
)

// ServeCmd is spool serve.
type ServeCmd struct{}

// Run records until a signal ends it. The first SIGINT or SIGTERM drains: every
// file is finished. A second one aborts: see server.Server.Run.
func (c *ServeCmd) Run(p *Program) error {
	if isInit() {
		err := runInit()
		if !errors.Is(err, errNoInit) {
			return err
		}
		fmt.Fprintf(p.Stderr, "warning: %v\n", err)
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	declared, err := server.Declare(cfg)
	if err != nil {
		return err
	}
	log := logging.New(cfg.Log, p.Stderr, p.Environ)
	_, warnings := outside.Check(cfg, time.Now()) // what is wrong ends the start, or is logged where it is used
	for _, w := range append(cfg.Warnings, warnings...) {
		log.Warn(w.String())
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	// Not stopped at the end: a signal that comes again when all is done would turn
	// a good end into a death.

	s, err := server.New(declared, server.Options{
		Load: p.load, Log: log, Clock: pipeline.SystemClock, Synchronised: wallclock.KernelSynchronised, Version: readBuild().version,
	})
	if err != nil {
		return err
	}
	return s.Run(signals)
}
