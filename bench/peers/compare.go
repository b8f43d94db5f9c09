package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/bench/yardstick"
	"github.com/gospool/spool/pipeline/media"
)

// Comparison holds the costs of all muxers for one movie.
type Comparison struct {
	spec  movie.Spec
	movie *movie.Movie
	rows  []row
}

type row struct {
	name, lacks string
	peer        bool
	run         func(dir string) error
	costs       []yardstick.Cost // one for each round
}

// Indexes of the rows that every comparison begins with.
const (
	rowWrite = iota
	rowWriteAhead
	rowSpoolMP4 // and fMP4 behind it
)

// Compare measures the bare writes, spool, and every library in every use, in each of the given number of rounds. Its
// files are below dir.
func Compare(ctx context.Context, dir string, s movie.Spec, rounds int) (*Comparison, error) {
	m, err := movie.Pattern(s)
	if err != nil {
		return nil, err
	}
	pool := media.NewPool(256 << 20)
	spool := func(fragment bool) func(dir string) error {
		return func(dir string) error {
			_, err := mux.Run(ctx, dir, m, pool, mux.Options{Fragment: fragment, Flush: time.Second})
			return err
		}
	}
	c := &Comparison{spec: s, movie: m, rows: []row{
		{name: "write", run: yardstick.Write{Movie: m, Flush: time.Second, Sync: "none"}.Run},
		{name: "write, preallocated", run: yardstick.Write{Movie: m, Flush: time.Second, Sync: "none", Ahead: true}.Run},
		{name: "spool MP4", run: spool(false), lacks: "nothing"},
		{name: "spool fMP4", run: spool(true), lacks: "nothing"},
	}}
	for _, l := range Libraries {
		for _, u := range []Use{{}, {Kept: true}, {Room: true}, {Kept: true, Room: true}} {
			name := l.Name
			if u.Kept {
				name += ", kept"
			}
			if u.Room {
				name += ", preallocated"
			}
			muxer := l.New(u)
			c.rows = append(c.rows, row{name: name, lacks: l.Lacks, peer: true, run: func(dir string) error { return muxer.Run(m, dir) }})
		}
	}
	var works []func(dir string) error
	for i := range c.rows {
		works = append(works, c.rows[i].run)
	}
	for n := range rounds + 1 {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		costs, err := yardstick.Round(dir, n, works)
		if err != nil {
			return nil, err
		}
		for i := range costs {
			if n > 0 { // the first round warms up
				c.rows[i].costs = append(c.rows[i].costs, costs[i])
			}
		}
	}
	return c, nil
}

// ratios returns the CPU of a row divided by that of another, round by round.
func ratios(own, limit *row) (out []float64) {
	for i := range own.costs {
		out = append(out, float64(own.costs[i].CPU)/float64(limit.costs[i].CPU))
	}
	return out
}

// best returns the library in the use that costs least, by the median of its CPU.
func (c *Comparison) best() *row {
	peers := slices.DeleteFunc(slices.Clone(c.rows), func(r row) bool { return !r.peer })
	best := slices.MinFunc(peers, func(a, b row) int { return int(a.cpu() - b.cpu()) })
	return &best
}

// cpu returns the median CPU of the row in ns.
func (r *row) cpu() float64 {
	var out []float64
	for _, c := range r.costs {
		out = append(out, float64(c.CPU))
	}
	return yardstick.Median(out)
}

// Write writes a table with a row for each muxer and use: medians, and the ratio to the preallocated write with its
// lowest and highest value.
func (c *Comparison) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "peers\tx-write-prealloc\t(low-high)\tx-write\tx-best-peer\tcpu-us/MB\tcpu-ns/AU\tallocs/AU\tlacks")
	best := c.best()
	for i := range c.rows {
		r := &c.rows[i]
		ahead := ratios(r, &c.rows[rowWriteAhead])
		var allocs []float64
		for _, cost := range r.costs {
			allocs = append(allocs, float64(cost.Allocs))
		}
		fmt.Fprintf(t, "%s\t%.2f\t(%.2f-%.2f)\t%.2f\t%.2f\t%.0f\t%.0f\t%.2f\t%s\n", r.name, yardstick.Median(ahead), slices.Min(ahead), slices.Max(ahead),
			yardstick.Median(ratios(r, &c.rows[rowWrite])), yardstick.Median(ratios(r, best)), r.cpu()/1000/(float64(c.movie.Bytes)/1e6),
			r.cpu()/float64(c.movie.Units), yardstick.Median(allocs)/float64(c.movie.Units), r.lacks)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "* the best peer is %s\n", best.name)
	return err
}

// WriteJSON writes the ratios of spool to the best peer, round by round, in the form of spool bench --json.
func WriteJSON(w io.Writer, comparisons []*Comparison) error {
	type metric struct {
		Unit   string    `json:"unit"`
		Values []float64 `json:"values"`
	}
	type result struct {
		Kind    string         `json:"kind"`
		Case    map[string]any `json:"case"`
		Metrics []metric       `json:"metrics"`
	}
	var out []result
	for _, c := range comparisons {
		for i, format := range []string{"mp4", "fmp4"} {
			out = append(out, result{
				"peers", map[string]any{"format": format, "bitrate": c.spec.Bitrate, "length_ns": c.spec.Length},
				[]metric{{"x-best-peer", ratios(&c.rows[rowSpoolMP4+i], c.best())}},
			})
		}
	}
	return json.NewEncoder(w).Encode(out)
}
