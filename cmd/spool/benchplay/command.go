// Package benchplay is the command spool bench play.
package benchplay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gospool/spool/bench/harness"
	"github.com/gospool/spool/bench/play"
	"github.com/gospool/spool/cmd/spool/progress"
)

// Command implements spool bench play, which measures the playback of spans against nginx.
type Command struct {
	Span    time.Duration `default:"1h" help:"Length of the footage that is played."`
	Files   int           `default:"12" help:"Number of recordings that hold it."`
	Format  []string      `placeholder:"LIST" help:"mp4, fmp4, hls."`
	Viewers []int         `placeholder:"LIST" help:"Numbers of clients that fetch the span at once: 1,8."`
	Bitrate string        `default:"2M" help:"Video bitrate in bit/s: 8M, 500k."`
	FPS     int           `name:"fps" default:"25" help:"Frames per second."`
	Runs    int           `default:"5" help:"Rounds; the figures are their medians."`
	Dir     string        `placeholder:"DIR" help:"Directory on the disk to measure. The files made there are removed afterwards."`
	JSON    string        `name:"json" placeholder:"FILE" help:"Write every value as JSON; - is standard output instead of the table."`
	SVG     string        `name:"svg" placeholder:"DIR" help:"Write plots over the numbers of viewers."`
}

// Env holds what the command needs of the program.
type Env struct{ Stdout, Stderr io.Writer }

// Run plays the span and prints the table. The error is play.ErrOptions for a wrong flag.
func (c *Command) Run(e Env) error {
	bitrate, err := harness.ParseRate(c.Bitrate)
	if err != nil {
		return fmt.Errorf("%w: %w", play.ErrOptions, err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	b := progress.New(e.Stderr, "play")
	report, err := play.Measure(ctx, play.Options{
		Spool: self, Span: c.Span, Files: c.Files, Formats: c.Format, Viewers: c.Viewers, Bitrate: bitrate, FPS: c.FPS, Runs: c.Runs, Dir: c.Dir,
		Progress: b.At,
	})
	b.End()
	if report == nil {
		return err
	}
	return errors.Join(err, c.show(e.Stdout, report)) // after an interrupt too, for the rounds that are finished
}

// show prints the report, and writes the files that the flags name.
func (c *Command) show(w io.Writer, report *play.Report) error {
	show := report.WriteTable
	if c.JSON == "-" {
		show = report.WriteJSON
	}
	if err := show(w); err != nil {
		return err
	}
	if c.JSON != "" && c.JSON != "-" {
		if err := harness.Save(c.JSON, report.WriteJSON); err != nil {
			return err
		}
	}
	return harness.WritePlots(c.SVG, report.Plots())
}
