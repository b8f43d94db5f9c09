package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/harness"
	lv "github.com/gospool/spool/bench/live"
	"github.com/gospool/spool/bench/rtspload"
)

// BenchPartCmd is what bench live runs beside spool serve, each a process of its
// own, so that the kernel can tell what each costs.
type BenchPartCmd struct {
	Bare BareCmd `cmd:"" help:"Serve RTSP publishers, decode and discard, until a signal."`
	Load LoadCmd `cmd:"" help:"Publish until a signal."`
}

// BareCmd is the yardstick.
type BareCmd struct {
	Addr string `arg:""`
}

// LoadCmd is the publishers.
type LoadCmd struct {
	URL     string        `arg:"" help:"With %d for the publisher's number."`
	Streams int           `arg:""`
	Bitrate int           `arg:""`
	FPS     int           `arg:""`
	GOP     time.Duration `arg:""`
}

// Run serves until a signal.
func (c *BareCmd) Run(p *Program) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s, err := bareserver.Start(c.Addr)
	if err != nil {
		return err
	}
	<-ctx.Done()
	s.Close()
	return json.NewEncoder(p.Stdout).Encode(s.Stats())
}

// Run publishes until a signal, and tells what was sent.
func (c *LoadCmd) Run(p *Program) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	content, err := harness.LiveClip(c.Bitrate, c.FPS, c.GOP)
	if err != nil {
		return err
	}
	load := &rtspload.Load{URL: c.URL, N: c.Streams, Clip: content, Ready: func() { fmt.Fprintln(p.Stdout, lv.ReadyLine) }}
	err = load.Run(ctx)
	_ = json.NewEncoder(p.Stdout).Encode(load.Stats())
	return err
}
