package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/live"
	"github.com/gospool/spool/bench/rtspload"
)

// runLoad is the subcommand load: it publishes until a signal or for a given time, and prints the totals as JSON.
func runLoad(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("load", flag.ExitOnError)
	url := f.String("url", "rtsp://127.0.0.1:8554/live/cam%03d", "where to publish; %d is the publisher's number")
	n := f.Int("n", 60, "publishers")
	fast := f.Bool("fast", false, "as fast as it goes instead of in real time")
	duration := f.Duration("duration", 0, "stop after this time; 0: at a signal")
	read := clipFlags(f)
	_ = f.Parse(args)
	c, err := read(ctx)
	if err != nil {
		return err
	}
	if *duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *duration)
		defer cancel()
	}
	began := time.Now()
	load := &rtspload.Load{URL: *url, N: *n, Clip: c, Fast: *fast, Ready: func() { fmt.Println(live.ReadyLine) }}
	err = load.Run(ctx)
	s, took := load.Stats(), time.Since(began).Seconds()
	fmt.Fprintf(os.Stderr, "%d packets, %.1f Mbit/s in %.1f s\n", s.Packets, float64(s.Bytes)*8/1e6/took, took)
	_ = json.NewEncoder(os.Stdout).Encode(s)
	return err
}

// clipFlags adds the flags that describe a clip, and returns a function that reads or makes the clip after the flags
// are parsed.
func clipFlags(f *flag.FlagSet) func(context.Context) (*clip.Clip, error) {
	file := f.String("clip", "", "Annex B file without B-frames; default: ffmpeg makes one")
	dir := f.String("clip-dir", os.TempDir(), "where a clip that was made is kept")
	spec := clip.Spec{}
	f.StringVar(&spec.Size, "size", "1280x720", "of the picture")
	f.IntVar(&spec.FPS, "fps", 25, "pictures a second")
	f.IntVar(&spec.GOP, "gop", 50, "pictures")
	f.IntVar(&spec.Bitrate, "bitrate", 4e6, "bit/s")
	return func(ctx context.Context) (*clip.Clip, error) {
		if *file != "" {
			return clip.Read(*file, spec.FPS)
		}
		return clip.Make(ctx, *dir, spec)
	}
}
