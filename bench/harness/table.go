package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/gospool/spool/bench/live"
)

// WriteReport writes the machine, the results as a table and the advice for settings below it.
func WriteReport(w io.Writer, results []Result) error {
	if len(results) > 0 {
		fmt.Fprintln(w, results[0].Machine)
	}
	if err := WriteTable(w, results); err != nil {
		return err
	}
	for _, line := range Advise(results) {
		if _, err := fmt.Fprintln(w, "* "+line); err != nil {
			return err
		}
	}
	return nil
}

// WriteTable writes the parameters that all cases share, and a table with a row for each case and a column for each
// metric. Figures are medians of the rounds. Beside the first metric, and beside each ratio, are the lowest and the
// highest value, which show how precise the figure is. For live, WriteTable writes a table for each case, with a row for
// each server.
func WriteTable(w io.Writer, results []Result) error {
	if len(results) == 0 {
		return nil
	}
	if results[0].Kind == "live" {
		return writeLive(w, results)
	}
	cases := make([]Case, len(results))
	for i := range results {
		cases[i] = results[i].Case
	}
	fmt.Fprintf(w, "%s, rounds: %d", results[0].Kind, results[0].rounds())
	if results[0].Kind != "start" { // which has no parameters
		fmt.Fprintf(w, ", all rows: %s%s", shared(cases), syncNotes[results[0].Kind])
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := []string{results[0].Kind}
	for i, m := range results[0].Metrics {
		head = append(head, m.Unit)
		if hasSpread(i, m) {
			head = append(head, "(low-high)")
		}
	}
	if len(results[0].Latency) > 0 {
		head = append(head, "p50 ms", "p99 ms", "max ms")
	}
	fmt.Fprintln(t, strings.Join(head, "\t")+"\t")
	for i := range results {
		fmt.Fprintln(t, strings.Join(row(&results[i], cases), "\t")+"\t")
	}
	return t.Flush()
}

// syncNotes explains, by kind, what the parameter sync means where that is not obvious.
var syncNotes = map[string]string{
	"finalise": "; the file is finished with that sync",
	"repair":   "; sync is that of the recording: a repair always syncs its writes",
	"remux":    "; sync is that of the source: none of the three programs syncs its copy",
}

// hasSpread reports whether a table shows the lowest and the highest value of the metric number i.
func hasSpread(i int, m Metric) bool {
	return i == 0 || strings.HasPrefix(m.Unit, "x-") || m.Unit == restartUnit
}

// writeLive writes a table for each case of live, with a row for each server.
func writeLive(w io.Writer, results []Result) error {
	for i := range results {
		c := &results[i].Case
		readers := ""
		if results[i].Readers != "" {
			readers = ", " + results[i].Readers
		}
		fmt.Fprintf(w, "live: %d streams of %s with sound by %s%s, medians of %d runs\n", c.Streams, rate(c.Bitrate), results[i].Publishers, readers, results[i].rounds())
		if err := live.WriteTable(w, results[i].Servers, "spool", c.Streams); err != nil {
			return err
		}
	}
	return nil
}

func row(r *Result, cases []Case) []string {
	out := []string{r.Case.Short(cases)}
	if r.Kind == "start" {
		out[0] = ""
	}
	for i, m := range r.Metrics {
		out = append(out, figure(m.Median()))
		if hasSpread(i, m) {
			out = append(out, "("+figure(m.Low())+"-"+figure(m.High())+")")
		}
	}
	if len(r.Latency) > 0 {
		out = append(out, figure(quantile(r.Latency, 0.5)), figure(quantile(r.Latency, 0.99)), figure(quantile(r.Latency, 1)))
	}
	return out
}

// figure formats a number with two or three significant digits, and from 100 on without decimals.
func figure(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// WriteJSON writes every value of the results as one JSON array.
func WriteJSON(w io.Writer, results []Result) error { return json.NewEncoder(w).Encode(results) }

// WriteBenchstat writes a line for each round of each case in the format of Go's benchmarks, for
// golang.org/x/perf/cmd/benchstat.
func WriteBenchstat(w io.Writer, results []Result) error {
	if _, err := fmt.Fprintf(w, "goos: %s\ngoarch: %s\npkg: github.com/gospool/spool\n", runtime.GOOS, runtime.GOARCH); err != nil {
		return err
	}
	for i := range results {
		r := &results[i]
		for round := range r.rounds() {
			name := r.Case.Name()
			if r.other() {
				name += "/publishers=" + r.Publishers
			}
			line := fmt.Sprintf("Benchmark%s/%s-%d\t1", capital(r.Kind), name, runtime.GOMAXPROCS(0))
			for _, m := range r.Metrics {
				line += fmt.Sprintf("\t%g %s", m.Values[round], m.Unit)
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// rounds returns the number of rounds that count in r, without those that warm up.
func (r *Result) rounds() int {
	if len(r.Metrics) == 0 {
		return 0
	}
	return len(r.Metrics[0].Values)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
