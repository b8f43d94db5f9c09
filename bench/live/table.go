package live

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Summary holds the cost of one server: medians of its runs, and the lowest and highest of some figures.
type Summary struct {
	Server              string
	CPU                 float64 // CPU time divided by elapsed time: cores
	Low, High           float64 // lowest and highest CPU
	Ratio               float64 // CPU in relation to that of the first server in the same run
	RatioLow            float64 // lowest Ratio
	RatioHigh           float64 // highest Ratio
	RSSBytes, PeakBytes int64   // resident memory at the end of the window, and its greatest value
	Reads, Writes       float64 // system calls a second
	WrittenBytes        float64 // bytes a second
	GeneratorCores      float64 // CPU of the load generator, in cores
}

// Summarise returns a summary for each server, in the order in which they first appear in the samples.
func Summarise(samples []Sample) []Summary {
	var names []string
	base := map[int]float64{}
	for _, s := range samples {
		if !slices.Contains(names, s.Server) {
			names = append(names, s.Server)
		}
		if s.Server == names[0] {
			base[s.Run] = cores(s.Usage.CPU(), s.Window)
		}
	}
	out := make([]Summary, 0, len(names))
	for _, name := range names {
		out = append(out, summarise(name, samples, base))
	}
	return out
}

func summarise(name string, samples []Sample, base map[int]float64) Summary {
	var cpu, ratio, rss, peak, reads, writes, written, load []float64
	for _, s := range samples {
		if s.Server != name {
			continue
		}
		sec := s.Window.Seconds()
		cpu = append(cpu, cores(s.Usage.CPU(), s.Window))
		if b := base[s.Run]; b > 0 {
			ratio = append(ratio, cpu[len(cpu)-1]/b)
		}
		rss, peak = append(rss, float64(s.Usage.RSSBytes)), append(peak, float64(s.Usage.PeakRSSBytes))
		reads, writes = append(reads, float64(s.Usage.ReadCalls)/sec), append(writes, float64(s.Usage.WriteCalls)/sec)
		written = append(written, float64(s.Usage.WrittenBytes)/sec)
		load = append(load, cores(s.Load.CPU(), s.Window))
	}
	return Summary{
		Server: name, CPU: Median(cpu), Low: lowest(cpu), High: highest(cpu),
		Ratio: Median(ratio), RatioLow: lowest(ratio), RatioHigh: highest(ratio),
		RSSBytes: int64(Median(rss)), PeakBytes: int64(Median(peak)), Reads: Median(reads), Writes: Median(writes),
		WrittenBytes: Median(written), GeneratorCores: Median(load),
	}
}

func cores(cpu, window time.Duration) float64 { return cpu.Seconds() / window.Seconds() }

// Median returns the median of the values; 0 without values.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func lowest(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return slices.Min(v)
}

func highest(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return slices.Max(v)
}

// WriteTable writes a table with a row for each server: medians, and for CPU and ratio also the lowest and highest
// values. streams is the number of publishers, for the CPU time per stream.
func WriteTable(w io.Writer, rows []Summary, streams int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "server\tCPU cores\t(low-high)\tratio\t(low-high)\tCPU ms/s a stream\tRSS MB\tpeak MB\treads/s\twrites/s\twritten MB/s\tgenerator cores\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%.3f\t(%.3f-%.3f)\t%.2f\t(%.2f-%.2f)\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.2f\t\n",
			r.Server, r.CPU, r.Low, r.High, r.Ratio, r.RatioLow, r.RatioHigh, r.CPU*1000/float64(max(streams, 1)),
			float64(r.RSSBytes)/1e6, float64(r.PeakBytes)/1e6, r.Reads, r.Writes, r.WrittenBytes/1e6, r.GeneratorCores)
	}
	return t.Flush()
}
