package harness

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Options set the number of rounds and the environment.
type Options struct {
	Dir      string // parent of the temporary files; "": the system's
	Warm     int    // rounds that do not count
	Runs     int
	Window   time.Duration                     // live: between the two readings
	Self     string                            // live and remux: the program
	Progress func(done, all int, label string) // may be nil
}

// Kinds are the kinds of measurement, in the order of a table of all of them.
var Kinds = []string{"mux", "pipeline", "finalise", "repair", "remux", "live"}

// Run measures every case. When the context ends it returns the results so far, and the context's error; all
// temporary files are removed then.
func Run(ctx context.Context, kind string, cases []Case, o Options) (results []Result, err error) {
	dir, err := os.MkdirTemp(o.Dir, "spool-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	round := map[string]func(context.Context, string, *bench) error{
		"mux": muxRound, "pipeline": pipelineRound, "finalise": finaliseRound, "repair": repairRound, "remux": remuxRound,
	}[kind]
	if kind == "remux" || kind == "live" {
		for _, c := range cases {
			if c.Codec != "h264" {
				return nil, fmt.Errorf("bench %s has pictures of H.264 only, not %s", kind, c.Codec)
			}
		}
	}
	rounds := o.Warm + o.Runs
	for i, c := range cases {
		label := c.Short(cases)
		if kind == "live" {
			o.report(i, len(cases), label)
			r, err := liveCase(ctx, dir, c, o)
			if err != nil {
				return results, err
			}
			results = append(results, r)
			continue
		}
		k, err := contentFor(ctx, kind, c)
		if err != nil {
			return results, err
		}
		b := &bench{c: c, k: k, self: o.Self, pool: media.NewPool(256 << 20), r: Result{Kind: kind, Case: c}}
		for n := range rounds {
			o.report(i*rounds+n, len(cases)*rounds, label)
			if ctx.Err() != nil {
				return results, context.Cause(ctx)
			}
			b.warm = n < o.Warm
			if err := round(ctx, dir, b); err != nil {
				return results, fmt.Errorf("%s: %w", c.Name(), err)
			}
		}
		results = append(results, b.r)
	}
	o.report(len(cases)*rounds, len(cases)*rounds, "")
	return results, nil
}

func contentFor(ctx context.Context, kind string, c Case) (*content, error) {
	if kind == "remux" {
		return codedContent(ctx, c)
	}
	return makeContent(c)
}

func (o *Options) report(done, all int, label string) {
	if o.Progress != nil {
		o.Progress(done, all, label)
	}
}

// bench is the state of one case during its measurement.
type bench struct {
	c    Case
	k    *content
	self string
	pool *media.Pool // kept over the rounds, as a recorder's is
	r    Result
	warm bool
}

// note adds the metrics of every kind of writing.
func (b *bench) note(own, limit sample) {
	if b.warm {
		return
	}
	streams := float64(b.c.Streams)
	megabytes := float64(b.k.bytes) * streams / 1e6
	b.r.add("x-write", float64(own.cpu)/float64(limit.cpu))
	b.r.add("cpu-us/MB", float64(own.cpu.Microseconds())/megabytes)
	b.r.add("write-cpu-us/MB", float64(limit.cpu.Microseconds())/megabytes)
	b.r.add("cpu-ms/stream", own.cpu.Seconds()*1000/streams)
	b.r.add("MB/s", megabytes/own.wall.Seconds())
	b.r.add("allocs/AU", float64(own.allocs)/float64(b.k.units)/streams)
	b.r.add("writes/chunk", float64(own.writes)/streams/b.chunks())
	b.r.add("RSS-MB", float64(own.rssBytes)/1e6)
}

// chunks returns the least number of chunks in the content.
func (b *bench) chunks() float64 { return float64(b.k.length) / float64(b.c.Flush) }
