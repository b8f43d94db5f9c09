package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gospool/spool/bench/harness"
	"github.com/gospool/spool/bench/players"
	"github.com/gospool/spool/cmd/spool/progress"
)

// PlayersBench implements spool bench players, which plays recordings of each codec with other programs.
type PlayersBench struct {
	Players  []string `placeholder:"LIST" help:"ffmpeg, gstreamer, chromium, firefox, vlc, mpv; all must be installed."`
	Codec    []string `placeholder:"LIST" help:"Codecs of the recordings: h264,lpcm."`
	Dir      string   `placeholder:"DIR" help:"Directory for the recordings, which are removed afterwards."`
	JSON     string   `name:"json" placeholder:"FILE" help:"Write every count as JSON; - is standard output instead of the table."`
	Markdown string   `placeholder:"FILE" help:"Write the table in Markdown."`
}

// Run plays the recordings and prints the table.
func (c *PlayersBench) Run(p *Program) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	b := progress.New(p.Stderr, "players")
	report, err := players.Measure(ctx, players.Options{Spool: self, Players: c.Players, Codecs: c.Codec, Dir: c.Dir, Progress: b.At})
	b.End()
	if err != nil {
		return err
	}
	show := report.WriteTable
	if c.JSON == "-" {
		show = report.WriteJSON
	}
	if err := show(p.Stdout); err != nil {
		return err
	}
	if c.JSON != "" && c.JSON != "-" {
		if err := harness.Save(c.JSON, report.WriteJSON); err != nil {
			return err
		}
	}
	if c.Markdown == "" {
		return nil
	}
	return harness.Save(c.Markdown, report.WriteMarkdown)
}
