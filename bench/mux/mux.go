// Package mux compares the cost of muxers with the least cost that recording can have, that of the bare write. The bare
// write writes the same bytes to a file, from a buffer with the whole movie: one write(2) for each second, without a
// sync.
package mux

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gospool/spool/bench/clip"
)

// Material returns the input for all muxers: 60 s of 1080p30 video at 8 Mbit/s with AAC.
func Material(tb testing.TB) *clip.Movie {
	c, err := clip.Make(tb.Context(), os.TempDir(), clip.Spec{Size: "1920x1080", FPS: 30, GOP: 60, Bitrate: 8e6})
	if err != nil {
		tb.Fatal(err)
	}
	return clip.NewMovie(c, 60)
}

// Against runs the bare write (writeBare) and a muxer in turn. It reports, as metrics of b, the ratio of their CPU
// times (x-write: median, least and greatest), the CPU time of the muxer, and its allocations per access unit. CPU
// times include the garbage collector's. mux must write the movie into dir, which is empty.
func Against(b *testing.B, movie *clip.Movie, mux func(dir string) error) {
	mdat := movie.Mdat()
	bare := func(dir string) error { return writeBare(filepath.Join(dir, "bare"), mdat, len(mdat)/movie.Seconds) }
	var ratios, cpu []float64
	var allocs uint64
	measure(b, bare) // these two measurements do not count: they warm up the page cache and the muxer's pools
	measure(b, mux)
	b.SetBytes(movie.Bytes)
	for b.Loop() {
		limit, _ := measure(b, bare)
		own, n := measure(b, mux)
		ratios, cpu = append(ratios, float64(own)/float64(limit)), append(cpu, own.Seconds()*1000)
		allocs += n
	}
	b.ReportMetric(median(ratios), "x-write")
	b.ReportMetric(slices.Min(ratios), "x-write-min")
	b.ReportMetric(slices.Max(ratios), "x-write-max")
	b.ReportMetric(median(cpu), "cpu-ms")
	b.ReportMetric(float64(allocs)/float64(len(ratios)*len(movie.Frames)), "allocs/AU")
}

// measure calls run with an empty directory, and returns the CPU time and the number of allocations of that call.
func measure(b *testing.B, run func(dir string) error) (time.Duration, uint64) {
	dir, err := os.MkdirTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := cpuTime()
	err = run(dir)
	took := cpuTime() - began
	runtime.ReadMemStats(&after)
	if err != nil {
		b.Fatal(err)
	}
	return took, after.Mallocs - before.Mallocs
}

// writeBare does the least work that any muxer could do: it writes b to a new file, in pieces of the given number of
// bytes.
func writeBare(path string, b []byte, piece int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	for len(b) > 0 {
		n, err := f.Write(b[:min(piece, len(b))])
		if err != nil {
			return fmt.Errorf("bare write: %w", err)
		}
		b = b[n:]
	}
	return f.Close()
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // cannot fail for the own process
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
