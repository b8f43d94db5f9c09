package harness

import (
	"math"
	"slices"
	"time"

	"github.com/gospool/spool/bench/live"
)

// Metric holds the values of one metric of a case, one for each counted round.
type Metric struct {
	Unit   string    `json:"unit"` // name and unit, such as cpu-us/MB, as benchstat expects it
	Values []float64 `json:"values"`
}

// Median returns the median of the values; 0 without values.
func (m Metric) Median() float64 { return quantile(m.Values, 0.5) }

// Low returns the lowest value; 0 without values.
func (m Metric) Low() float64 { return quantile(m.Values, 0) }

// High returns the highest value; 0 without values.
func (m Metric) High() float64 { return quantile(m.Values, 1) }

// Result holds the measurements of one case.
type Result struct {
	Kind    string   `json:"kind"`              // one of Kinds, or peers
	Machine string   `json:"machine,omitempty"` // see yardstick.Machine
	Case    Case     `json:"case"`
	Metrics []Metric `json:"metrics"`
	// Latency has the time in ms that writing each chunk took in all rounds, sorted; for mux only.
	Latency []float64 `json:"latency_ms,omitempty"`
	// Publishers is the protocol of the publishers; for live only.
	Publishers string `json:"publishers,omitempty"`
	// Readers describes the viewers; for live only.
	Readers string `json:"readers,omitempty"`
	// Servers has the cost of each server; for live only.
	Servers []live.Summary `json:"servers,omitempty"`
}

// other reports whether r is a result of live whose publishers do not use RTSP.
func (r *Result) other() bool { return r.Publishers != "" && r.Publishers != "rtsp" }

// add adds the value of one round to the metric with the name unit. It creates the metric if r lacks it.
func (r *Result) add(unit string, value float64) {
	for i := range r.Metrics {
		if r.Metrics[i].Unit == unit {
			r.Metrics[i].Values = append(r.Metrics[i].Values, value)
			return
		}
	}
	r.Metrics = append(r.Metrics, Metric{unit, []float64{value}})
}

// Get returns the median of the metric with the name unit. It returns NaN if that metric was not measured.
func (r *Result) Get(unit string) float64 {
	for _, m := range r.Metrics {
		if m.Unit == unit {
			return m.Median()
		}
	}
	return math.NaN()
}

// latencies adds took, the time that writing each chunk of a round took, to r.Latency.
func (r *Result) latencies(took []time.Duration) {
	for _, d := range took {
		r.Latency = append(r.Latency, float64(d.Microseconds())/1000)
	}
	slices.Sort(r.Latency)
}

// quantile returns the q-quantile of the values, for q from 0 to 1, interpolated between two values; 0 without values.
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
