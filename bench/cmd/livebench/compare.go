package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/live"
)

// spoolConfig is a configuration of spool that records every published stream, without a gop_ring. live.Server
// explains the words in braces.
const spoolConfig = `
ingest: {rtsp: {listen: "{addr}", udp: {rtp: 0, rtcp: 0}}}
http: {listen: "{http}"}
mp4: {record_path: "{dir}/recordings"}
pipelines:
  bench:
    streams: ["**"]
    record: always
    stages: [source, segmenter, mp4, metadata]
`

// runCompare is the subcommand compare: it compares the bare server, spool and other servers, and prints a table.
func runCompare(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("compare", flag.ExitOnError)
	s := live.Settings{Progress: func(text string) { fmt.Fprintln(os.Stderr, text) }}
	f.IntVar(&s.Streams, "n", 60, "publishers")
	f.IntVar(&s.Runs, "runs", 5, "how often each server is run")
	f.DurationVar(&s.Warm, "warm", 5*time.Second, "from when all publish to the first reading")
	f.DurationVar(&s.Window, "window", 20*time.Second, "between the two readings")
	f.StringVar(&s.TempDir, "dir", "", "where recordings go; they are removed")
	bitrate := f.Int("bitrate", 4e6, "bit/s of each stream")
	spool := f.String("spool", "", "the built binary of spool; empty leaves it out")
	config := f.String("config", "", "its configuration, with {addr}, {port}, {http} and {dir}; default: record all, ring off")
	asJSON := f.Bool("json", false, "print every sample as JSON")
	f.Func("server", "another one: NAME=COMMAND with {addr}, {port}, {http} and {dir}; may be given often", func(v string) error {
		name, command, ok := strings.Cut(v, "=")
		if !ok || strings.TrimSpace(command) == "" {
			return fmt.Errorf("%q is not NAME=COMMAND", v)
		}
		s.Servers = append(s.Servers, live.Server{Name: name, Argv: strings.Fields(command)})
		return nil
	})
	_ = f.Parse(args)
	if err := contenders(ctx, &s, *spool, *config, *bitrate); err != nil {
		return err
	}
	samples, err := live.Compare(ctx, s)
	if *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(samples)
	} else if len(samples) > 0 {
		_ = live.WriteTable(os.Stdout, live.Summarise(samples), s.Streams)
	}
	return err
}

// contenders completes s, the settings of a comparison: it puts the bare server (package bareserver) first and
// spool, if its binary is given, second, and sets the load. It also makes the load's clip, so that no measurement
// includes that.
func contenders(ctx context.Context, s *live.Settings, spool, config string, bitrate int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if _, err := clip.Make(ctx, os.TempDir(), clip.Spec{Bitrate: bitrate}); err != nil {
		return err
	}
	servers := []live.Server{{Name: "bare", Argv: []string{self, "bare", "-listen", "{addr}"}, Took: live.Printed}}
	if spool != "" {
		text, took := spoolConfig, live.Recorded(25)
		if config != "" {
			b, err := os.ReadFile(config)
			if err != nil {
				return err
			}
			text, took = string(b), nil // the given configuration may record to another directory
		}
		servers = append(servers, live.Server{Name: "spool", Argv: []string{spool, "serve", "-c", "{dir}/config.yaml"}, Config: text, Took: took})
	}
	s.Servers = append(servers, s.Servers...)
	s.Load = []string{self, "load", "-url", "rtsp://{addr}/live/cam%03d", "-n", strconv.Itoa(s.Streams), "-bitrate", strconv.Itoa(bitrate)}
	return nil
}
