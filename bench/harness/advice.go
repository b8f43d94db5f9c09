package harness

import (
	"fmt"
	"math"
	"time"
)

// Advise returns advice for settings that suit the disk and the machine of the results: one line for each piece of
// advice, with the reason. results are of one kind. It returns none if the results do not suffice.
func Advise(results []Result) (lines []string) {
	if len(results) == 0 {
		return nil
	}
	switch results[0].Kind {
	case "mux", "pipeline":
		return append(adviseFlush(results), adviseSync(results)...)
	case "finalise":
		return []string{adviseSlowest(results, "finishing a file", "ms", "shutdown_timeout must be longer than that for all files that are open")}
	case "repair":
		return []string{adviseSlowest(results, "repairing a file", "ms", "after a crash the recordings are complete that much later; recording itself does not wait")}
	case "live":
		if results[0].Readers != "" {
			return nil // the figures are those of sending
		}
		return adviseStreams(results)
	}
	return nil
}

// adviseFlush recommends the shortest flush interval whose CPU cost is at most a tenth above that of the cheapest
// result: a crash loses up to one flush interval, so a shorter one is better.
func adviseFlush(results []Result) []string {
	cheapest := math.Inf(1)
	for i := range results {
		cheapest = math.Min(cheapest, results[i].Get("cpu-us/MB"))
	}
	var best *Result
	varied := false
	for i := range results {
		r := &results[i]
		varied = varied || r.Case.Flush != results[0].Case.Flush
		if r.Get("cpu-us/MB") <= 1.1*cheapest && (best == nil || r.Case.Flush < best.Case.Flush) {
			best = r
		}
	}
	if best == nil || !varied {
		return nil
	}
	return []string{fmt.Sprintf("flush_interval: %v: the shortest whose cost (%s us of CPU a MB) is within a tenth of the cheapest measured (%s); it is the most that a crash loses",
		best.Case.Flush, figure(best.Get("cpu-us/MB")), figure(cheapest))}
}

// adviseSync recommends sync: chunk or interval, by the time that writing and syncing a chunk takes. It allows the
// syncs of all streams together a fifth of the disk's time.
func adviseSync(results []Result) (lines []string) {
	for i := range results {
		r := &results[i]
		if r.Case.Sync != "chunk" || len(r.Latency) == 0 {
			continue
		}
		p99 := time.Duration(quantile(r.Latency, 0.99) * float64(time.Millisecond))
		most := int(r.Case.Flush / 5 / max(p99, time.Microsecond))
		if most >= 1 {
			lines = append(lines, fmt.Sprintf("sync: chunk is right up to some %d streams with flush_interval %v: 99 of 100 chunks are on the disk within %v", most, r.Case.Flush, p99.Round(10*time.Microsecond)))
		} else {
			lines = append(lines, fmt.Sprintf("sync: interval, not chunk, with flush_interval %v: a synced chunk takes up to %v here", r.Case.Flush, p99.Round(time.Millisecond)))
		}
	}
	return lines
}

// adviseSlowest returns a line about the result with the greatest value of the metric unit. what names the work that
// the metric measures. so is the consequence for the operator, which ends the line.
func adviseSlowest(results []Result, what, unit, so string) string {
	worst := &results[0]
	for i := range results {
		if results[i].Get(unit) > worst.Get(unit) {
			worst = &results[i]
		}
	}
	return fmt.Sprintf("%s of %v takes %s ms here: %s", what, worst.Case.Length, figure(worst.Get(unit)), so)
}

// adviseStreams returns a line for each result with the number of streams that one core can record, extrapolated from
// the CPU time of the measured streams. It does not consider the limits of the disk.
func adviseStreams(results []Result) (lines []string) {
	for i := range results {
		r := &results[i]
		cost := r.Get("cpu-ms/s/stream")
		if cost <= 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("one core records some %d streams of %s (%s ms of CPU a second each, measured with %d); seven tenths of that leave room for finishing and for playing",
			int(1000/cost), rate(r.Case.Bitrate), figure(cost), r.Case.Streams))
	}
	return lines
}
