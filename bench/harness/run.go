package harness

import (
	"context"
	"fmt"
	"os"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/bench/yardstick"
	"github.com/gospool/spool/pipeline/media"
)

// Options sets the number of rounds and the environment.
type Options struct {
	Dir  string // parent directory of the temporary files; empty: the system's
	Warm int    // rounds before the counted ones, which warm up caches and pools; not for live
	Runs int    // counted rounds
	Live LiveOptions
	Self string // for live, remux and start: path of the spool binary

	// Progress, if not nil, is called before each round with the number of finished rounds, the number of all
	// rounds, and a name of the case. For live it is called before each case, with numbers of cases instead. At the
	// end it is called once more, with equal numbers and an empty name.
	Progress func(done, all int, label string)
}

// Kinds lists the kinds of measurement that Run accepts, in the order in which the package comment describes them.
var Kinds = []string{"mux", "pipeline", "finalise", "repair", "remux", "start", "live"}

// Run measures every case with the measurement kind, one of Kinds, and returns a result for each. After an error, or
// when the context ends, it returns the results of the finished cases, and the error. It removes its temporary files.
func Run(ctx context.Context, kind string, cases []Case, o Options) (results []Result, err error) {
	dir, err := os.MkdirTemp(o.Dir, "spool-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	round := map[string]func(context.Context, string, *bench) error{
		"mux": muxRound, "pipeline": pipelineRound, "finalise": finaliseRound, "repair": repairRound, "remux": remuxRound, "start": startRound,
	}[kind]
	if kind == "remux" || kind == "live" {
		for _, c := range cases {
			if c.Codec != "h264" {
				return nil, fmt.Errorf("bench %s has pictures of H.264 only, not %s", kind, c.Codec)
			}
		}
	}
	rounds, machine := o.Warm+o.Runs, yardstick.Machine(dir)
	for i, c := range cases {
		label := c.Short(cases)
		if kind == "live" {
			o.report(i, len(cases), label)
			r, err := liveCase(ctx, dir, c, o)
			r.Machine = machine
			if len(r.Metrics) > 0 {
				results = append(results, r)
			}
			if err != nil {
				return results, err
			}
			continue
		}
		m, err := movieFor(ctx, kind, c)
		if err != nil {
			return results, err
		}
		b := &bench{c: c, m: m, self: o.Self, pool: media.NewPool(256 << 20), r: Result{Kind: kind, Machine: machine, Case: c}}
		for n := range rounds {
			o.report(i*rounds+n, len(cases)*rounds, label)
			if ctx.Err() != nil {
				return results, context.Cause(ctx)
			}
			b.n, b.warm = n, n < o.Warm
			if err := round(ctx, dir, b); err != nil {
				return results, fmt.Errorf("%s: %w", c.Name(), err)
			}
		}
		results = append(results, b.r)
	}
	o.report(len(cases)*rounds, len(cases)*rounds, "")
	return results, nil
}

// movieFor makes the media of a case for a kind of measurement: nil for start, which needs none.
func movieFor(ctx context.Context, kind string, c Case) (*movie.Movie, error) {
	switch kind {
	case "remux":
		return movie.Coded(ctx, c.spec())
	case "start":
		return nil, nil
	}
	return movie.Pattern(c.spec())
}

// spec describes the media of a case.
func (c Case) spec() movie.Spec {
	return movie.Spec{Codec: c.Codec, Bitrate: c.Bitrate, FPS: c.FPS, GOP: c.GOP, Length: c.Length}
}

// options describes the files of a case.
func (c Case) options() mux.Options {
	return mux.Options{Fragment: c.Format == "fmp4", FragmentDuration: c.Fragment, Sync: c.Sync, Flush: c.Flush, MaxBytes: c.Bytes}
}

func (o *Options) report(done, all int, label string) {
	if o.Progress != nil {
		o.Progress(done, all, label)
	}
}

// bench is the state of one case during its measurement.
type bench struct {
	c    Case
	m    *movie.Movie
	self string      // path of the spool binary
	pool *media.Pool // stays for all rounds, as the pool of a running recorder does
	r    Result
	n    int  // number of the round
	warm bool // the round does not count
}

// note adds the metrics of a round of mux or pipeline to b.r, unless b.warm is set. costs are those of the bare write,
// of the write into preallocated room, and of recording.
func (b *bench) note(costs []yardstick.Cost) {
	if b.warm {
		return
	}
	write, ahead, own := costs[0], costs[1], costs[2]
	streams := float64(b.c.Streams)
	megabytes := float64(b.m.Bytes) * streams / 1e6
	b.r.add("x-write", float64(own.CPU)/float64(write.CPU))
	b.r.add("x-write-prealloc", float64(own.CPU)/float64(ahead.CPU))
	b.r.add("cpu-us/MB", float64(own.CPU.Microseconds())/megabytes)
	b.r.add("cpu-ns/AU", float64(own.CPU.Nanoseconds())/float64(b.m.Units)/streams)
	b.r.add("write-cpu-us/MB", float64(write.CPU.Microseconds())/megabytes)
	b.r.add("prealloc-cpu-us/MB", float64(ahead.CPU.Microseconds())/megabytes)
	b.r.add("cpu-ms/stream", own.CPU.Seconds()*1000/streams)
	b.r.add("MB/s", megabytes/own.Wall.Seconds())
	b.r.add("allocs/AU", float64(own.Allocs)/float64(b.m.Units)/streams)
	b.r.add("writes/chunk", float64(own.Writes)/streams/b.chunks())
	b.r.add("RSS-MB", float64(own.RSSBytes)/1e6)
}

// chunks returns the number of chunks into which the content of one stream is divided if each lasts a whole flush
// interval.
func (b *bench) chunks() float64 { return float64(b.m.Length) / float64(b.c.Flush) }
