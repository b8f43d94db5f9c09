package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/bench/yardstick"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

// limits returns the two bare writes of a case, the least work that recording its bytes could cost: without and with
// preallocated room.
func (b *bench) limits() []func(dir string) error {
	var works []func(dir string) error
	for _, ahead := range []bool{false, true} {
		w := yardstick.Write{Movie: b.m, Flush: b.c.Flush, Sync: b.c.Sync, Ahead: ahead}
		works = append(works, func(dir string) error {
			for n := range b.c.Streams { // each in a directory of its own, as its name is always the same
				dir := filepath.Join(dir, strconv.Itoa(n))
				if err := os.Mkdir(dir, 0o755); err != nil {
					return err
				}
				if err := w.Run(dir); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return works
}

// muxRound measures the two bare writes, and the muxer. All write one file for each stream, one after another.
func muxRound(ctx context.Context, parent string, b *bench) error {
	var took []time.Duration
	costs, err := yardstick.Round(parent, b.n, append(b.limits(), func(dir string) error {
		for n := range b.c.Streams {
			dir := filepath.Join(dir, strconv.Itoa(n))
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			chunks, err := mux.Run(ctx, dir, b.m, b.pool, b.c.options())
			if err != nil {
				return err
			}
			took = append(took, chunks...)
		}
		return nil
	}))
	if err != nil {
		return err
	}
	b.note(costs)
	if !b.warm {
		b.r.latencies(took)
	}
	return nil
}

// pipelineRound measures the two bare writes, and then the recording of all streams at once through a pipeline. The
// measurement excludes opening and closing the catalogue, since a running recorder has it open. It is not open during
// the bare writes, because its background work would be measured with them.
func pipelineRound(ctx context.Context, parent string, b *bench) (err error) {
	costs, err := yardstick.Round(parent, b.n, b.limits())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(parent, "recorder-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := openRecorder(ctx, dir, b.c, b.m, b.pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	own, err := yardstick.Measure(parent, func(string) error { return r.record(ctx, b.c, b.m) })
	if err == nil {
		b.note(append(costs, own))
	}
	return err
}

// finaliseRound writes all media of a file, and then measures the finishing of the file only.
func finaliseRound(ctx context.Context, parent string, b *bench) error {
	_, err := yardstick.Measure(parent, func(dir string) error {
		m, err := mux.Open(ctx, dir, b.m, b.pool, b.c.options())
		if err != nil {
			return err
		}
		defer m.Close()
		if err := m.Write(); err != nil {
			return err
		}
		began, cpu := time.Now(), yardstick.CPUTime()
		if err := m.Finish(); err != nil {
			return err
		}
		used, took := yardstick.CPUTime()-cpu, time.Since(began)
		if b.warm {
			return nil
		}
		b.r.add("cpu-ms", used.Seconds()*1000)
		b.r.add("ms", took.Seconds()*1000)
		b.r.add("file-MB", float64(b.m.Bytes)/1e6)
		b.r.add("written-MB", float64(m.FinishedBytes())/1e6)
		return nil
	})
	return err
}

// repairRound writes a file without finishing it, as a killed recorder leaves it. It then measures reading the file
// once, and repairing it.
func repairRound(ctx context.Context, parent string, b *bench) error {
	_, err := yardstick.Measure(parent, func(dir string) error {
		m, err := mux.Open(ctx, dir, b.m, b.pool, b.c.options())
		if err != nil {
			return err
		}
		if err := m.Write(); err != nil {
			return errors.Join(err, m.Close())
		}
		if err := m.Close(); err != nil { // leaves the file unfinished, since its segment has not ended
			return err
		}
		part, err := single(dir, media.PartSuffix)
		if err != nil {
			return err
		}
		// After a crash no part of the file is in memory: its pages are dropped before each reading. The second
		// reading counts: it has the same advantage of the disk's own cache as the repair that follows.
		var read, readCPU time.Duration
		for range 2 {
			if err := yardstick.ForgetPages(part); err != nil {
				return err
			}
			if read, readCPU, err = timed(func() error { return readOnce(part) }); err != nil {
				return err
			}
		}
		if err := yardstick.ForgetPages(part); err != nil {
			return err
		}
		var repaired mp4.Repaired
		repair, repairCPU, err := timed(func() (err error) { repaired, err = mp4.Repair(part); return err })
		if kept := time.Duration(repaired.Recording.DurationNS); err == nil && kept < b.m.Length-b.c.Flush {
			err = fmt.Errorf("the repair kept %v of %v", kept, b.m.Length)
		}
		if err != nil || b.warm {
			return err
		}
		b.r.add("x-read", repair.Seconds()/read.Seconds())
		b.r.add("x-read-cpu", float64(repairCPU)/float64(readCPU))
		b.r.add("ms", repair.Seconds()*1000)
		b.r.add("cpu-ms", repairCPU.Seconds()*1000)
		b.r.add("read-ms", read.Seconds()*1000)
		b.r.add("cpu-ns/AU", float64(repairCPU.Nanoseconds())/float64(b.m.Units))
		b.r.add("file-MB", float64(b.m.Bytes)/1e6)
		return nil
	})
	return err
}
