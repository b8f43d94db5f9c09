package live

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/gospool/spool/bench/yardstick"
)

// Summary holds the cost of one server: medians of its runs.
type Summary struct {
	Server       string  `json:"server"`
	CPU          Spread  `json:"cpu_ms_s_stream"` // CPU time of a stream, in ms for each second
	RSSBytes     float64 `json:"rss_bytes"`       // resident memory at the end of the window
	PeakBytes    Spread  `json:"peak_bytes"`
	RestBytes    float64 `json:"rest_bytes"` // 0: not measured
	Reads        float64 `json:"reads_s"`    // system calls a second
	Writes       float64 `json:"writes_s"`
	WrittenBytes float64 `json:"written_bytes_s"`
	// CPURatio and PeakRatio relate the subject of the comparison to this server, within each run: the subject's
	// figure divided by that of this server.
	CPURatio  Spread `json:"cpu_ratio"`
	PeakRatio Spread `json:"peak_ratio"`

	Checked   bool    `json:"checked"`         // what was sent was compared with what the server took
	Whole     int     `json:"whole"`           // the least number of streams taken whole in a run
	Lost      int64   `json:"lost"`            // access units lost, of all runs
	Late      int64   `json:"late"`            // pictures that the load generator sent late, of all runs
	Sent      int64   `json:"sent"`            // access units sent, of all runs
	Generator float64 `json:"generator_cores"` // CPU of the load generator, in cores
	Read      float64 `json:"read_bytes"`      // bytes that all readers received in a run
	Least     float64 `json:"least_bytes"`     // bytes of the reader that received the least
}

// Spread is a median with the lowest and the highest value.
type Spread struct{ Median, Low, High float64 }

func spread(v []float64) Spread {
	if len(v) == 0 {
		return Spread{}
	}
	return Spread{yardstick.Median(v), slices.Min(v), slices.Max(v)}
}

func (s Spread) String() string { return fmt.Sprintf("%.2f (%.2f-%.2f)", s.Median, s.Low, s.High) }

// Summarise returns a summary for each server, in the order in which they first appear in the samples. subject is the
// name of the server that is related to all others; streams is the number of publishers.
func Summarise(samples []Sample, subject string, streams int) []Summary {
	var names []string
	own := map[int]Sample{}
	for _, s := range samples {
		if !slices.Contains(names, s.Server) {
			names = append(names, s.Server)
		}
		if s.Server == subject {
			own[s.Run] = s
		}
	}
	out := make([]Summary, 0, len(names))
	for _, name := range names {
		out = append(out, summarise(name, samples, own, streams))
	}
	return out
}

func summarise(name string, samples []Sample, own map[int]Sample, streams int) Summary {
	var cpu, ratio, rss, peak, peakRatio, rest, reads, writes, written, load, read, least []float64
	out := Summary{Server: name, Whole: streams}
	for _, s := range samples {
		if s.Server != name {
			continue
		}
		sec := s.Window.Seconds()
		cpu = append(cpu, cores(s.Usage.CPU(), s.Window)*1000/float64(max(streams, 1)))
		if o, ok := own[s.Run]; ok && s.Usage.CPU() > 0 {
			ratio = append(ratio, float64(o.Usage.CPU())/float64(s.Usage.CPU())*float64(s.Window)/float64(o.Window))
		}
		if o, ok := own[s.Run]; ok && s.PeakBytes > 0 {
			peakRatio = append(peakRatio, float64(o.PeakBytes)/float64(s.PeakBytes))
		}
		rss, peak, rest = append(rss, float64(s.Usage.RSSBytes)), append(peak, float64(s.PeakBytes)), append(rest, float64(s.RestBytes))
		reads, writes = append(reads, float64(s.Usage.ReadCalls)/sec), append(writes, float64(s.Usage.WriteCalls)/sec)
		written = append(written, float64(s.Usage.WrittenBytes)/sec)
		load = append(load, cores(s.Load.CPU(), s.Window))
		read, least = append(read, float64(s.Read.Bytes)), append(least, float64(s.Read.Least))
		out.Late, out.Sent = out.Late+s.Sent.Late, out.Sent+s.Sent.Units
		if s.Taken != nil {
			out.Checked, out.Whole, out.Lost = true, min(out.Whole, s.Taken.Whole), out.Lost+s.Taken.Lost
		}
	}
	out.CPU, out.CPURatio, out.PeakBytes, out.PeakRatio = spread(cpu), spread(ratio), spread(peak), spread(peakRatio)
	out.RSSBytes, out.RestBytes, out.Generator = yardstick.Median(rss), yardstick.Median(rest), yardstick.Median(load)
	out.Read, out.Least = yardstick.Median(read), yardstick.Median(least)
	out.Reads, out.Writes, out.WrittenBytes = yardstick.Median(reads), yardstick.Median(writes), yardstick.Median(written)
	return out
}

func cores(cpu, window time.Duration) float64 { return cpu.Seconds() / window.Seconds() }

// WriteTable writes a table with a row for each server: medians, and for CPU and ratios also the lowest and highest
// values. Below it are a line about the load generator, and one for each server that was checked. subject is the name
// of the server that the ratios relate to all others.
func WriteTable(w io.Writer, rows []Summary, subject string, streams int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "server\tCPU ms/s a stream\t%[1]s / this\tpeak RSS MB\t%[1]s / this\tat rest MB\treads/s\twrites/s\twritten MB/s\t\n", subject)
	for i := range rows {
		r := &rows[i]
		rest := "-"
		if r.RestBytes > 0 {
			rest = fmt.Sprintf("%.0f", r.RestBytes/1e6)
		}
		fmt.Fprintf(t, "%s\t%v\t%v\t%.0f\t%.2f\t%s\t%.0f\t%.0f\t%.1f\t\n",
			r.Server, r.CPU, r.CPURatio, r.PeakBytes.Median/1e6, r.PeakRatio.Median, rest, r.Reads, r.Writes, r.WrittenBytes/1e6)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var late, sent int64
	var load []float64
	for i := range rows {
		late, sent, load = late+rows[i].Late, sent+rows[i].Sent, append(load, rows[i].Generator)
	}
	if _, err := fmt.Fprintf(w, "load generator, a process of its own: %.2f cores, %d of %d access units late\n", yardstick.Median(load), late, sent); err != nil {
		return err
	}
	for i := range rows {
		if err := writeTaken(w, &rows[i], streams); err != nil {
			return err
		}
	}
	return nil
}

func writeTaken(w io.Writer, r *Summary, streams int) error {
	text := "not compared with what was sent"
	if r.Checked {
		text = fmt.Sprintf("%d/%d streams whole, %d access units lost", r.Whole, streams, r.Lost)
	}
	if r.Read > 0 {
		text = fmt.Sprintf("its readers received %.1f MB in a run, the last of them %.2f MB", r.Read/1e6, r.Least/1e6)
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", r.Server, text)
	return err
}
