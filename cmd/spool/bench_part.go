package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/gospool/spool/bench/harness"
	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/bench/readload"
)

// BenchPartCmd implements spool bench part, a hidden command: the processes that spool bench live starts
// in addition to spool serve. Each is a process of its own, so that the CPU time and memory of each can
// be measured.
type BenchPartCmd struct {
	Bare BareCmd `cmd:"" help:"Serve publishers, and discard what they send, until a signal."`
	Load LoadCmd `cmd:"" help:"Publish until a signal."`
}

// BareCmd implements spool bench part bare: a server that receives the media of its publishers and
// discards it. Its cost is the baseline for the cost of spool serve.
type BareCmd struct {
	Addr         string `arg:""`
	harness.Bare `embed:""`
}

// LoadCmd implements spool bench part load: the publishers of a benchmark.
type LoadCmd struct {
	URL     string `arg:"" help:"rtsp, rtmp, srt or udp, with %d for the publisher's number; udp has the port of the first publisher."`
	Streams int    `arg:""`
	Clip    string `arg:"" type:"existingfile" help:"Annex B file without B-frames."`
	FPS     int    `arg:""`
	InPhase bool   `help:"All publishers begin at the same moment."`

	Readers      int    `help:"Readers of the streams."`
	ReadProtocol string `help:"Of the readers."`
	Read         string `name:"read" placeholder:"URL" help:"What they read, with %d for the publisher's number."`
}

// Run serves until SIGINT or SIGTERM arrives, then prints the statistics of the server as JSON.
func (c *BareCmd) Run(p *Program) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return harness.ServeBare(ctx, c.Addr, c.Bare, p.Stdout)
}

// Run publishes until SIGINT or SIGTERM arrives, then prints the statistics of the publishers as JSON.
// It prints a line when all streams are being published.
func (c *LoadCmd) Run(p *Program) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	load := &publishload.Load{URL: c.URL, N: c.Streams, Sound: true, InPhase: c.InPhase}
	readers := &readload.Load{Protocol: c.ReadProtocol, URL: c.Read, Streams: c.Streams, N: c.Readers}
	return harness.Publish(ctx, load, readers, c.Clip, c.FPS, p.Stdout)
}
