package harness

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// Plot is a line chart, which Write draws as SVG.
type Plot struct {
	Title, X, Y string // titles of the chart and its axes
	Lines       []Line
}

// Line is one line of a chart. Its points are pairs of x and y, in the order of x.
type Line struct {
	Name   string
	Points [][2]float64
}

const (
	plotWidth, plotHeight = 720, 400
	plotLeft, plotTop     = 70, 40
	plotRight, plotBottom = plotWidth - 170, plotHeight - 50
)

var colours = []string{"#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b08900", "#444444"}

// Write writes the chart as a self-contained SVG. Both axes begin at 0, so values must not be negative.
func (p Plot) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="22" font-size="15">%s</text>`+"\n", plotLeft, html.EscapeString(p.Title))
	maxX, maxY := p.most()
	for i := range 6 {
		share := float64(i) / 5
		x, y := plotLeft+share*(plotRight-plotLeft), plotBottom-share*(plotBottom-plotTop)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, plotLeft, plotRight, y, y)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, plotLeft-6, y+4, figure(share*maxY))
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, plotBottom+18, figure(share*maxX))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`, (plotLeft+plotRight)/2, plotHeight-10, html.EscapeString(p.X))
	fmt.Fprintf(&b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (plotTop+plotBottom)/2, html.EscapeString(p.Y))
	for i, l := range p.Lines {
		colour := colours[i%len(colours)]
		var points strings.Builder
		for _, at := range l.Points {
			x := plotLeft + at[0]/maxX*(plotRight-plotLeft)
			y := plotBottom - at[1]/maxY*(plotBottom-plotTop)
			fmt.Fprintf(&points, "%.1f,%.1f ", x, y)
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x, y, colour)
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`, colour, strings.TrimSpace(points.String()))
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", plotRight+10, plotTop+16*i+10, colour, html.EscapeString(l.Name))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// most returns the greatest x and the greatest y of all points. It returns 1 in place of 0, because Write divides by
// both.
func (p Plot) most() (x, y float64) {
	for _, l := range p.Lines {
		for _, at := range l.Points {
			x, y = math.Max(x, at[0]), math.Max(y, at[1])
		}
	}
	if x == 0 {
		x = 1
	}
	if y == 0 {
		y = 1
	}
	return x, y
}

// Plots returns the charts that can be drawn from the results, by the name of the file without suffix. It leaves out a
// chart whose parameter is the same in all results.
func Plots(results []Result) map[string]Plot {
	out := map[string]Plot{}
	flush := func(c Case) float64 { return float64(c.Flush.Milliseconds()) }
	streams := func(c Case) float64 { return float64(c.Streams) }
	for _, want := range []struct {
		name, title, x, unit string
		at                   func(Case) float64
	}{
		{"throughput-flush", "Throughput by flush interval", "flush interval, ms", "MB/s", flush},
		{"cost-flush", "CPU by flush interval", "flush interval, ms", "cpu-us/MB", flush},
		{"cost-streams", "CPU of a stream by streams", "streams", "cpu-ms/stream", streams},
		{"live-streams", "CPU of a live stream by streams", "streams", "cpu-ms/s/stream", streams},
	} {
		p := Plot{Title: want.title, X: want.x, Y: want.unit, Lines: lines(results, want.unit, want.at)}
		if slices.ContainsFunc(p.Lines, Line.varies) {
			out[want.name] = p
		}
	}
	if p := latencyPlot(results); len(p.Lines) > 0 {
		out["write-latency"] = p
	}
	return out
}

// varies reports whether the line has more than one x.
func (l Line) varies() bool { return l.Points[0][0] != l.Points[len(l.Points)-1][0] }

// lines returns the lines of a chart of a metric over the parameter x. Results with the same format, sync and bitrate
// form one line.
func lines(results []Result, unit string, x func(Case) float64) (out []Line) {
	for i := range results {
		r := &results[i]
		y := r.Get(unit)
		if math.IsNaN(y) {
			continue
		}
		name := fmt.Sprintf("%s %s %s", r.Case.Format, r.Case.Sync, rate(r.Case.Bitrate))
		k := slices.IndexFunc(out, func(l Line) bool { return l.Name == name })
		if k < 0 {
			k, out = len(out), append(out, Line{Name: name})
		}
		out[k].Points = append(out[k].Points, [2]float64{x(r.Case), y})
	}
	for i := range out {
		slices.SortFunc(out[i].Points, func(a, b [2]float64) int { return int(math.Copysign(1, a[0]-b[0])) })
	}
	return out
}

// latencyPlot returns the chart of the quantiles of the time that writing a chunk takes.
func latencyPlot(results []Result) Plot {
	p := Plot{Title: "How long a chunk takes to be written", X: "percent of the chunks", Y: "ms"}
	cases := make([]Case, len(results))
	for i := range results {
		cases[i] = results[i].Case
	}
	for i := range results {
		if len(results[i].Latency) == 0 {
			continue
		}
		l := Line{Name: results[i].Case.Short(cases)}
		for _, q := range []float64{0, 10, 25, 50, 75, 90, 95, 99, 100} {
			l.Points = append(l.Points, [2]float64{q, quantile(results[i].Latency, q/100)})
		}
		p.Lines = append(p.Lines, l)
	}
	return p
}
