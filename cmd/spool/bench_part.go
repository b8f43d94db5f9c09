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

// BenchPartCmd implements spool bench part, a hidden command: the processes that spool bench live starts
// in addition to spool serve. Each is a process of its own, so that the CPU time and memory of each can
// be measured.
type BenchPartCmd struct {
	Bare BareCmd `cmd:"" help:"Serve RTSP publishers, decode and discard, until a signal."`
	Load LoadCmd `cmd:"" help:"Publish until a signal."`
}

// BareCmd implements spool bench part bare: an RTSP server that depacketizes the media of its publishers
// and discards it. Its cost is the baseline for the cost of spool serve.
type BareCmd struct {
	Addr string `arg:""`
}

// LoadCmd implements spool bench part load: the RTSP publishers of a benchmark.
type LoadCmd struct {
	URL     string        `arg:"" help:"With %d for the publisher's number."`
	Streams int           `arg:""`
	Bitrate int           `arg:""`
	FPS     int           `arg:""`
	GOP     time.Duration `arg:""`
}

// Run serves until SIGINT or SIGTERM arrives, then prints the statistics of the server as JSON.
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

// Run publishes until SIGINT or SIGTERM arrives, then prints the statistics of the publishers as JSON.
// It prints a line when all streams are being published.
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
