package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gospool/spool/bench/harness"
	"github.com/gospool/spool/bench/live"
	"github.com/gospool/spool/cmd/spool/benchplay"
	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/pipeline/config"
)

// BenchCmd implements spool bench: its commands measure the cost of recording on this machine, print
// the results and recommend settings.
type BenchCmd struct {
	Mux      MuxBench          `cmd:"" help:"The muxer alone, from access units in memory to a finished file, against write(2) of the same bytes."`
	Pipeline PipelineBench     `cmd:"" help:"The whole declared pipeline, with the given number of streams at once, against write(2) of the same bytes."`
	Finalise FinaliseBench     `cmd:"" help:"The time that finishing a long file takes."`
	Repair   RepairBench       `cmd:"" help:"The time that repairing a long file after a kill takes, against reading the file once."`
	Remux    RemuxBench        `cmd:"" help:"The command remux, against ffmpeg -c copy and cp of the same file; ffmpeg must be installed."`
	Start    StartBench        `cmd:"" help:"The time from the start of spool serve to the first answer of its API, with a new database and with an existing one; and the size of the binary."`
	Players  PlayersBench      `cmd:"" help:"Which programs play the recordings of each codec: ffmpeg, GStreamer, Chromium, Firefox, VLC and mpv."`
	Play     benchplay.Command `cmd:"" help:"The playback of a span of time as MP4, as fragments and over HLS, against nginx that serves files with the same bytes."`
	Live     LiveBench         `cmd:"" help:"Publishers in real time, against a server that discards what they send."`
	Targets  TargetsCmd        `cmd:"" help:"Print the measured figures beside their targets, from the files of --json."`
	Part     BenchPartCmd      `cmd:"" hidden:"" help:"The processes of bench live."`
}

// benchFlags holds the flags that all benchmarks share. A benchmark measures every combination of the values in
// the lists from Format to Length. If a list is empty, the benchmark uses its default.
type benchFlags struct {
	Matrix           string   `type:"existingfile" placeholder:"FILE" help:"YAML file of the lists below, by their names with _ for -; flags override it."`
	Format           []string `placeholder:"LIST" help:"mp4, fmp4."`
	Codec            []string `placeholder:"LIST" help:"Codecs of pictures, which have sound in AAC, or of sound alone: h264,opus; all: each one. remux and live have H.264 only."`
	Bitrate          []string `placeholder:"LIST" help:"Video bitrate in bit/s: 8M, 500k."`
	FPS              []int    `name:"fps" placeholder:"LIST" help:"Frames per second."`
	GOP              []string `name:"gop" placeholder:"LIST" help:"From one key frame to the next: 2s."`
	FlushInterval    []string `placeholder:"LIST" help:"Length of a chunk: 250ms,1s."`
	FlushBytes       []string `placeholder:"LIST" help:"Largest chunk: 1MiB,4MiB."`
	FragmentDuration []string `placeholder:"LIST" help:"Length of a fragment in the index: 5s."`
	Sync             []string `placeholder:"LIST" help:"none, chunk, segment."`
	Streams          []int    `placeholder:"LIST" help:"Number of streams at once."`
	Length           []string `placeholder:"LIST" help:"Length of the media of each stream: 60s, 1h."`

	Runs      int    `default:"5" help:"Measured rounds; the figures are their medians."`
	Warm      int    `default:"1" help:"Warm-up rounds, which are not measured."`
	Dir       string `placeholder:"DIR" help:"Directory on the disk to measure. The files made there are removed afterwards."`
	JSON      string `name:"json" placeholder:"FILE" help:"Write every value as JSON; - is standard output instead of the table."`
	Benchstat string `placeholder:"FILE" help:"Write every round in the format of benchstat."`
	SVG       string `name:"svg" placeholder:"DIR" help:"Write plots."`
}

// The benchmarks. They differ in the defaults of their lists: see Run of each.
type (
	// MuxBench implements spool bench mux.
	MuxBench struct{ benchFlags }
	// PipelineBench implements spool bench pipeline.
	PipelineBench struct{ benchFlags }
	// FinaliseBench implements spool bench finalise.
	FinaliseBench struct{ benchFlags }
	// RepairBench implements spool bench repair.
	RepairBench struct{ benchFlags }
	// RemuxBench implements spool bench remux.
	RemuxBench struct{ benchFlags }
	// StartBench implements spool bench start, which uses no list.
	StartBench struct{ benchFlags }
	// LiveBench implements spool bench live.
	LiveBench struct {
		benchFlags
		Publishers []int         `placeholder:"LIST" help:"The same as --streams."`
		InPhase    bool          `help:"All publishers begin at the same moment, with a key frame; else one after another over a GOP."`
		Against    []string      `sep:"none" placeholder:"COMMAND" help:"Measure another server, too: COMMAND or NAME=COMMAND, with {addr}, {port}, {http}, {dir} and {config:FILE}; may be repeated."`
		Window     time.Duration `default:"10s" help:"How long each server is measured."`
		Readers    int           `help:"Viewers of the streams: then nothing is recorded, and the other server sends as much."`
		Protocol   string        `enum:"rtsp,rtmp,srt,ts,fmp4,hls" default:"rtsp" help:"Of the publishers: rtsp over TCP, rtmp, srt, or ts: MPEG-TS over UDP. With --readers, of the viewers: rtsp over TCP; fmp4, or hls of low latency, over HTTP."`
		Rest       time.Duration `default:"10s" help:"How long after the publishers have left the memory at rest is read."`
	}
)

// second is the unit of the default durations.
const second = config.Duration(time.Second)

// defaultMatrix returns the lists from which each benchmark makes its defaults.
func defaultMatrix() harness.Matrix {
	return harness.Matrix{
		Format: []string{"mp4"}, Codec: harness.Codecs[:1], Bytes: []config.Size{4 << 20}, Bitrate: []int{8e6}, FPS: []int{30}, GOP: []config.Duration{2 * second},
		Flush: []config.Duration{second}, Fragment: []config.Duration{5 * second}, Sync: []string{"none"},
		Streams: []int{1}, Length: []config.Duration{60 * second},
	}
}

// Run measures the muxer alone.
func (c *MuxBench) Run(p *Program) error {
	m := defaultMatrix()
	m.Format, m.Flush = []string{"mp4", "fmp4"}, []config.Duration{second / 4, second / 2, second, 2 * second}
	return c.run(p, "mux", m, harness.LiveOptions{})
}

// Run measures whole pipelines.
func (c *PipelineBench) Run(p *Program) error {
	m := defaultMatrix()
	m.Streams = []int{1, 4, 16}
	return c.run(p, "pipeline", m, harness.LiveOptions{})
}

// Run measures how long it takes to finish a file.
func (c *FinaliseBench) Run(p *Program) error {
	m := defaultMatrix()
	m.Format, m.Length = []string{"mp4", "fmp4"}, []config.Duration{3600 * second}
	return c.run(p, "finalise", m, harness.LiveOptions{})
}

// Run measures how long it takes to repair a file after a kill.
func (c *RepairBench) Run(p *Program) error {
	m := defaultMatrix()
	m.Length = []config.Duration{600 * second}
	return c.run(p, "repair", m, harness.LiveOptions{})
}

// Run measures the command remux.
func (c *RemuxBench) Run(p *Program) error {
	m := defaultMatrix()
	m.Length = []config.Duration{600 * second}
	return c.run(p, "remux", m, harness.LiveOptions{})
}

// Run measures the start of this program.
func (c *StartBench) Run(p *Program) error {
	return c.run(p, "start", defaultMatrix(), harness.LiveOptions{})
}

// Run measures the recording of publishers in real time.
func (c *LiveBench) Run(p *Program) error {
	m := defaultMatrix()
	m.Bitrate, m.FPS, m.Sync, m.Streams = []int{4e6}, []int{25}, []string{"chunk"}, []int{60}
	if len(c.Publishers) > 0 {
		c.Streams = c.Publishers
	}
	o := harness.LiveOptions{Window: c.Window, Rest: c.Rest, InPhase: c.InPhase, Against: c.Against, Readers: c.Readers, Protocol: c.Protocol}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	for _, text := range c.Against {
		if _, err := live.Command(text, nil); err != nil {
			return usageError{err}
		}
	}
	return c.run(p, "live", m, o)
}

// run measures all cases of the benchmark kind and shows the results. base holds the default lists;
// of holds the settings of bench live.
func (f *benchFlags) run(p *Program, kind string, base harness.Matrix, of harness.LiveOptions) error {
	matrix, err := f.matrix()
	if err != nil {
		return err
	}
	cases, err := matrix.Over(base).Cases()
	if err != nil {
		return usageError{err}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	b := progress.New(p.Stderr, kind)
	results, err := harness.Run(ctx, kind, cases, harness.Options{
		Dir: f.Dir, Warm: f.Warm, Runs: max(f.Runs, 1), Live: of, Self: self,
		Progress: func(done, all int, _ string) { b.At(done, all) },
	})
	b.End()
	if e := f.show(p.Stdout, results); err == nil { // after an interrupt too, for the cases that are finished
		err = e
	}
	return err
}

// show prints the results as a table with recommendations, or with --json=- as JSON, and writes the files that the
// flags name.
func (f *benchFlags) show(w io.Writer, results []harness.Result) error {
	write := harness.WriteReport
	if f.JSON == "-" {
		write = harness.WriteJSON
	}
	if err := write(w, results); err != nil {
		return err
	}
	if f.JSON != "" && f.JSON != "-" {
		if err := harness.Save(f.JSON, func(w io.Writer) error { return harness.WriteJSON(w, results) }); err != nil {
			return err
		}
	}
	if f.Benchstat != "" {
		if err := harness.Save(f.Benchstat, func(w io.Writer) error { return harness.WriteBenchstat(w, results) }); err != nil {
			return err
		}
	}
	return harness.WritePlots(f.SVG, harness.Plots(results))
}

// matrix returns the lists in the file of --matrix, each replaced by that of its flag if given. The
// error is a usageError for a wrong flag, config.Problems for a wrong file.
func (f *benchFlags) matrix() (m harness.Matrix, err error) {
	if f.Matrix != "" {
		text, err := config.ReadFile(f.Matrix)
		if err != nil {
			return m, err
		}
		n, err := config.Parse(f.Matrix, text)
		if err != nil {
			return m, err
		}
		if problems := n.Decode(&m); len(problems) > 0 {
			return m, problems
		}
	}
	flags := harness.Matrix{Format: f.Format, Codec: f.Codec, FPS: f.FPS, Sync: f.Sync, Streams: f.Streams}
	for _, text := range f.Bitrate {
		rate, err := harness.ParseRate(text)
		if err != nil {
			return m, usageError{err}
		}
		flags.Bitrate = append(flags.Bitrate, rate)
	}
	for _, text := range f.FlushBytes {
		size, err := config.ParseSize(text)
		if err != nil {
			return m, usageError{err}
		}
		flags.Bytes = append(flags.Bytes, size)
	}
	for _, d := range []struct {
		from []string
		to   *[]config.Duration
	}{{f.GOP, &flags.GOP}, {f.FlushInterval, &flags.Flush}, {f.FragmentDuration, &flags.Fragment}, {f.Length, &flags.Length}} {
		for _, text := range d.from {
			v, err := config.ParseDuration(text)
			if err != nil {
				return m, usageError{err}
			}
			*d.to = append(*d.to, v)
		}
	}
	return flags.Over(m), nil
}
