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

// ServeCmd implements spool serve, which records.
type ServeCmd struct{}

// Run records until SIGINT or SIGTERM arrives, then drains: it finishes every file. A second signal
// aborts: see server.Server.Run. As process 1 it starts a second process that records: see runInit.
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
	// Run does not call signal.Stop at its end: a signal that arrives after the drain would then kill the
	// process, and the exit code would no longer be 0.

	s, err := server.New(declared, server.Options{
		Load: func() (*configs.Config, error) { return c.load(p) }, Log: log, Clock: pipeline.SystemClock, Synchronised: wallclock.KernelSynchronised, Version: readBuild().version,
	})
	if err != nil {
		return err
	}
	return s.Run(signals)
}

// load reads and checks the configuration, for the start and for each reload. Of the faults of the machine,
// only a missing group and a min_free_bytes beyond the size of the disk are errors, because such a fault would
// prevent all recordings or delete them. Any other fault, such as an invalid certificate, affects only the part that
// needs the object, and that part reports it. Warnings of outside.Check are added to those of the
// configuration.
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
