package play

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gospool/spool/bench/harness"
)

// Report has the results of Measure.
type Report struct {
	Machine      string  `json:"machine"` // see yardstick.Machine
	SpanSeconds  float64 `json:"span_seconds"`
	Files        int     `json:"files"`
	Bitrate      int     `json:"bitrate"`
	FPS          int     `json:"fps"`
	Runs         int     `json:"runs"`
	WithoutNginx string  `json:"without_nginx,omitempty"` // why nothing was compared with nginx
	Rows         []Row   `json:"rows"`
}

// Row has the figures of a format in a state.
type Row struct {
	Format  string           `json:"format"`
	State   string           `json:"state"`
	Viewers int              `json:"viewers"`
	Metrics []harness.Metric `json:"metrics"`
}

// metric names a figure.
type metric struct {
	unit string
	of   func(cost) float64
	// ratio names the ratio to nginx; empty: none
	ratio string
}

// leastCPU is the unit in which /proc counts the time of a process: less than one counts as one.
const leastCPU = 10 * time.Millisecond

var metrics = []metric{
	{"first-byte-ms", func(c cost) float64 { return c.firstByte.Seconds() * 1000 }, "x-nginx-first-byte"},
	{"MB/s", func(c cost) float64 { return float64(c.bytes) / 1e6 / c.wall.Seconds() }, "x-nginx-MB/s"},
	{"cpu-us/MB", func(c cost) float64 { return max(c.cpu, leastCPU).Seconds() * 1e6 / (float64(c.bytes) / 1e6) }, "x-nginx-cpu"},
	{"RSS-growth-MB", func(c cost) float64 { return float64(c.grown) / 1e6 }, ""},
}

// add adds the costs of a round. other is that of nginx, if it was compared.
func (r *Report) add(format, state string, viewers int, own, other cost, compared bool) {
	row := r.row(format, state, viewers)
	for _, m := range metrics {
		row.add(m.unit, m.of(own))
		if !compared {
			continue
		}
		row.add("nginx-"+m.unit, m.of(other))
		if m.ratio != "" {
			row.add(m.ratio, m.of(own)/m.of(other))
		}
	}
	row.add("MB", float64(own.bytes)/1e6)
}

func (r *Report) row(format, state string, viewers int) *Row {
	for i := range r.Rows {
		if x := &r.Rows[i]; x.Format == format && x.State == state && x.Viewers == viewers {
			return x
		}
	}
	r.Rows = append(r.Rows, Row{Format: format, State: state, Viewers: viewers})
	return &r.Rows[len(r.Rows)-1]
}

func (r *Row) add(unit string, value float64) {
	for i := range r.Metrics {
		if r.Metrics[i].Unit == unit {
			r.Metrics[i].Values = append(r.Metrics[i].Values, value)
			return
		}
	}
	r.Metrics = append(r.Metrics, harness.Metric{Unit: unit, Values: []float64{value}})
}

// Get returns the median of a metric, or 0 if it was not measured.
func (r *Row) Get(unit string) float64 {
	for _, m := range r.Metrics {
		if m.Unit == unit {
			return m.Median()
		}
	}
	return 0
}

// WriteTable writes the machine, and a row for each format, state and number of viewers. Figures are medians of the rounds. Beside
// each ratio are the lowest and the highest.
func (r *Report) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "%s\nplay: %v in %d files, %d bit/s, %d pictures/s with sound; rounds: %d\n", r.Machine,
		time.Duration(r.SpanSeconds*float64(time.Second)), r.Files, r.Bitrate, r.FPS, r.Runs)
	if r.WithoutNginx != "" {
		fmt.Fprintln(w, r.WithoutNginx)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i := range r.Rows {
		row := &r.Rows[i]
		head, cells := []string{"format", "state", "viewers"}, []string{row.Format, row.State, fmt.Sprint(row.Viewers)}
		for _, m := range row.Metrics {
			head, cells = append(head, m.Unit), append(cells, fmt.Sprintf("%.3g", m.Median()))
			if strings.HasPrefix(m.Unit, "x-") {
				head, cells = append(head, "(low-high)"), append(cells, fmt.Sprintf("(%.3g-%.3g)", m.Low(), m.High()))
			}
		}
		if i == 0 {
			fmt.Fprintln(t, strings.Join(head, "\t")+"\t")
		}
		fmt.Fprintln(t, strings.Join(cells, "\t")+"\t")
	}
	return t.Flush()
}

// WriteJSON writes every value.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Plots returns charts of the throughput and of the CPU time by the number of viewers, by the name of the file without suffix: none
// for one number of viewers.
func (r *Report) Plots() map[string]harness.Plot {
	out := map[string]harness.Plot{}
	for _, want := range []struct{ name, title, unit string }{
		{"play-throughput", "Throughput by viewers, pages in memory", "MB/s"},
		{"play-cost", "CPU by viewers, pages in memory", "cpu-us/MB"},
	} {
		p := harness.Plot{Title: want.title, X: "viewers", Y: want.unit}
		for _, format := range Formats {
			for _, prefix := range []string{"", "nginx-"} {
				line := harness.Line{Name: strings.TrimSpace(strings.TrimSuffix(prefix, "-") + " " + format)}
				for i := range r.Rows {
					if row := &r.Rows[i]; row.Format == format && row.State == "warm" && row.Get(prefix+want.unit) > 0 {
						line.Points = append(line.Points, [2]float64{float64(row.Viewers), row.Get(prefix + want.unit)})
					}
				}
				if len(line.Points) > 1 {
					p.Lines = append(p.Lines, line)
				}
			}
		}
		if len(p.Lines) > 0 {
			out[want.name] = p
		}
	}
	return out
}
