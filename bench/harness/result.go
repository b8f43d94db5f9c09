package harness

import (
	"math"
	"slices"
	"time"
)

// Metric is one figure of a case, with a value per round.
type Metric struct {
	Unit   string    `json:"unit"` // in benchstat's form
	Values []float64 `json:"values"`
}

// Median returns the middle of the values, 0 without any.
func (m Metric) Median() float64 { return quantile(m.Values, 0.5) }

// Low and High return the spread.
func (m Metric) Low() float64  { return quantile(m.Values, 0) }
func (m Metric) High() float64 { return quantile(m.Values, 1) }

// Result holds the measurements of one case.
type Result struct {
	Kind    string   `json:"kind"`
	Case    Case     `json:"case"`
	Metrics []Metric `json:"metrics"`
	// Latency is the duration of writing each chunk, ms, sorted.
	Latency []float64 `json:"latency_ms,omitempty"`
}

func (r *Result) add(unit string, value float64) {
	for i := range r.Metrics {
		if r.Metrics[i].Unit == unit {
			r.Metrics[i].Values = append(r.Metrics[i].Values, value)
			return
		}
	}
	r.Metrics = append(r.Metrics, Metric{unit, []float64{value}})
}

// Get returns the median of a metric, NaN if it was not measured.
func (r *Result) Get(unit string) float64 {
	for _, m := range r.Metrics {
		if m.Unit == unit {
			return m.Median()
		}
	}
	return math.NaN()
}

func (r *Result) latencies(took []time.Duration) {
	for _, d := range took {
		r.Latency = append(r.Latency, float64(d.Microseconds())/1000)
	}
	slices.Sort(r.Latency)
}

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	at := q * float64(len(s)-1)
	low := int(at)
	high := min(low+1, len(s)-1)
	return s[low] + (s[high]-s[low])*(at-float64(low))
}
