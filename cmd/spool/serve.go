package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/gospool/spool/cmd/spool/logging"
	"github.com/gospool/spool/cmd/spool/server"
	"github.com/gospool/spool/cmd/spool/server/outside"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/wallclock"
)

// ServeCmd implements spool serve.
type ServeCmd struct{}

// Run records until a signal arrives. The first SIGINT or SIGTERM drains: every file is
// finished. A second one aborts: see server.Server.Run.
func (c *ServeCmd) Run(p *Program) error {
	if isInit() {
		err := runInit()
		if !errors.Is(err, errNoInit) {
			return err
		}
		fmt.Fprintf(p.Stderr, "warning: %v\n", err)
	}
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	declared, err := server.Declare(cfg)
	if err != nil {
		return err
	}
	log := logging.New(cfg.Log, p.Stderr, p.Environ)
	for _, w := range cfg.Warnings {
		log.Warn(w.String())
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	// signal.Stop is not called at the end: a signal that arrives after a complete drain would
	// then kill the process and replace its exit code.

	s, err := server.New(declared, server.Options{
		Load: func() (*configs.Config, error) { return c.load(p) }, Log: log, Clock: pipeline.SystemClock, Synchronised: wallclock.KernelSynchronised, Version: readBuild().version,
	})
	if err != nil {
		return err
	}
	return s.Run(signals)
}

// load reads the configuration for a start and for a reload. It refuses a configuration with
// which no recording could be made, or all would be deleted. Any other fault of the machine, such as a bad certificate,
// stops only the part that needs it, and that part reports it.
func (c *ServeCmd) load(p *Program) (*configs.Config, error) {
	cfg, err := p.loadChecked(func(cfg *configs.Config) config.Problems {
		return slices.Concat(server.Problems(cfg), outside.Groups(cfg), outside.DiskLimits(cfg))
	})
	if err != nil {
		return nil, err
	}
	_, warnings := outside.Check(cfg, time.Now())
	cfg.Warnings = append(cfg.Warnings, warnings...)
	return cfg, nil
}
