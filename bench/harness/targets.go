package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// Target is the greatest value that a metric of some results may have.
type Target struct {
	Work string // name of the work, for the table
	Kind string // of the results
	Case string // parts of a case's name, key=value, with a space between: see Case.Name
	Unit string // the metric
	Most float64
	// Spread compares cases: the value is the greatest median of all fitting cases divided by the least.
	Spread bool
}

// Targets lists the targets in the order of their table.
var Targets = []Target{
	{Work: "mux, MP4", Kind: "mux", Case: "format=mp4 bitrate=8M length=5m0s flush=1s", Unit: "x-write-prealloc", Most: 1.25},
	{Work: "mux, fMP4", Kind: "mux", Case: "format=fmp4 bitrate=8M length=5m0s flush=1s", Unit: "x-write-prealloc", Most: 1.25},
	{Work: "mux of 60 s, MP4, all in", Kind: "mux", Case: "format=mp4 bitrate=8M length=1m0s flush=1s", Unit: "allocs/AU", Most: 0.1},
	{Work: "mux, MP4, at 1 to 100 Mbit/s", Kind: "mux", Case: "format=mp4 length=2m0s", Unit: "cpu-us/MB", Most: 1.15, Spread: true},
	{Work: "MP4, by the best other library, 8 Mbit/s", Kind: "peers", Case: "format=mp4 bitrate=8M", Unit: "x-best-peer", Most: 0.8},
	{Work: "fMP4, by the best other library, 8 Mbit/s", Kind: "peers", Case: "format=fmp4 bitrate=8M", Unit: "x-best-peer", Most: 0.8},
	{Work: "fMP4, by the best other library, 1 Mbit/s", Kind: "peers", Case: "format=fmp4 bitrate=1M", Unit: "x-best-peer", Most: 0.8},
	{Work: "whole pipeline", Kind: "pipeline", Case: "bitrate=8M length=5m0s streams=1", Unit: "x-write-prealloc", Most: 1.5},
	{Work: "whole pipeline, a stream of 10 to 400", Kind: "pipeline", Case: "bitrate=1M length=20s", Unit: "cpu-ms/stream", Most: 1.15, Spread: true},
	{Work: "finish 1 h, MP4", Kind: "finalise", Case: "format=mp4 length=1h0m0s", Unit: "written-MB", Most: 4},
	{Work: "finish 1 h, MP4", Kind: "finalise", Case: "format=mp4 length=1h0m0s", Unit: "cpu-ms", Most: 50},
	{Work: "finish 1 h, fMP4", Kind: "finalise", Case: "format=fmp4 length=1h0m0s", Unit: "cpu-ms", Most: 50},
	{Work: "repair 10 min", Kind: "repair", Case: "bitrate=8M length=10m0s", Unit: "x-read", Most: 1.2},
	{Work: "remux 10 min", Kind: "remux", Case: "length=10m0s", Unit: "x-ffmpeg", Most: 0.75},
	{Work: "first answer, new database", Kind: "start", Unit: startUnit, Most: 50},
	{Work: "first answer, existing database", Kind: "start", Unit: restartUnit, Most: 50},
	{Work: "binary, stripped", Kind: "start", Unit: strippedUnit, Most: 45},
	{Work: "60 publishers of 4 Mbit/s", Kind: "live", Case: "bitrate=4M streams=60", Unit: "x-bare-read-ahead", Most: 1.3},
	{Work: "60 publishers of 4 Mbit/s", Kind: "live", Case: "bitrate=4M streams=60", Unit: "peak-RSS-MB", Most: 80},
	{Work: "60 publishers of 4 Mbit/s", Kind: "live", Case: "bitrate=4M streams=60", Unit: "rest-RSS-MB", Most: 45},
	{Work: "60 publishers of 4 Mbit/s", Kind: "live", Case: "bitrate=4M streams=60", Unit: "x-mediamtx", Most: 0.40},
	{Work: "300 publishers of 2 Mbit/s", Kind: "live", Case: "bitrate=2M streams=300", Unit: "x-mediamtx", Most: 0.45},
	{Work: "300 publishers of 2 Mbit/s", Kind: "live", Case: "bitrate=2M streams=300", Unit: "x-mediamtx-peak-RSS", Most: 0.6},
}

// ReadJSON reads the results of files that WriteJSON has written. A file that does not exist is an error.
func ReadJSON(files []string) (results []Result, err error) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var r []Result
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("%s: it is not the JSON of spool bench: %w", file, err)
		}
		results = append(results, r...)
	}
	return results, nil
}

// WriteTargets writes a table of the targets with the measured values: medians, with the lowest and the highest round.
// It leaves out the targets that no result fits.
func WriteTargets(w io.Writer, results []Result) error {
	if i := slices.IndexFunc(results, func(r Result) bool { return r.Machine != "" }); i >= 0 {
		fmt.Fprintln(w, results[i].Machine)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tmetric\tmeasured\t(low-high)\ttarget\t")
	for _, target := range Targets {
		median, low, high, ok := target.measured(results)
		if !ok {
			continue
		}
		verdict := "met"
		if median > target.Most {
			verdict = "missed"
		}
		unit := target.Unit
		if target.Spread {
			unit += ", highest/lowest"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t(%s-%s)\t%s\t%s\n", target.Work, unit, figure(median), figure(low), figure(high), figure(target.Most), verdict)
	}
	return t.Flush()
}

// measured returns the median, the lowest and the highest value of the target's metric in the first result that fits,
// or for Spread the ratio of the medians of all results that fit. ok is false if none fits.
func (t *Target) measured(results []Result) (median, low, high float64, ok bool) {
	var medians []float64
	for i := range results {
		k := slices.IndexFunc(results[i].Metrics, func(m Metric) bool { return m.Unit == t.Unit })
		if k < 0 || !t.fits(&results[i]) {
			continue
		}
		m := results[i].Metrics[k]
		if !t.Spread {
			return m.Median(), m.Low(), m.High(), true
		}
		medians = append(medians, m.Median())
	}
	if len(medians) < 2 {
		return 0, 0, 0, false
	}
	ratio := slices.Max(medians) / slices.Min(medians)
	return ratio, ratio, ratio, true
}

// fits reports whether a result is that of the target's work. The publishers of live are those of RTSP.
func (t *Target) fits(r *Result) bool {
	if r.other() {
		return false
	}
	parts := strings.Split(r.Case.Name(), "/")
	return r.Kind == t.Kind && !slices.ContainsFunc(strings.Fields(t.Case), func(want string) bool { return !slices.Contains(parts, want) })
}
