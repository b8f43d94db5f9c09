package harness

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

// bare measures the bare write, the least work that recording the case's bytes could cost: see writeBare.
func (b *bench) bare(parent string) (sample, error) {
	return measure(parent, func(dir string) error { return writeBare(dir, b.c, b.k) })
}

// muxRound measures the bare write (writeBare), then writes one file for each stream, one file after another,
// measures that, and adds both costs to b.r.
func muxRound(ctx context.Context, parent string, b *bench) error {
	limit, err := b.bare(parent)
	if err != nil {
		return err
	}
	var took []time.Duration
	own, err := measure(parent, func(dir string) error {
		for range b.c.Streams {
			m := newMuxer(b.c, b.k, b.pool)
			if err := m.all(ctx, dir); err != nil {
				return err
			}
			took = append(took, m.took...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.note(own, limit)
	if !b.warm {
		b.r.latencies(took)
	}
	return nil
}

// pipelineRound measures the bare write (writeBare), and the recording of all streams at once through a pipeline.
// The measurement excludes opening and closing the catalogue, since a running recorder has it open.
func pipelineRound(ctx context.Context, parent string, b *bench) (err error) {
	limit, err := b.bare(parent)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(parent, "recorder-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := openRecorder(ctx, dir, b.c, b.k, b.pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	own, err := measure(parent, func(string) error { return r.record(ctx, b.c, b.k) })
	if err == nil {
		b.note(own, limit)
	}
	return err
}

// finaliseRound writes all media of a file, and then measures the finishing of the file only.
func finaliseRound(ctx context.Context, parent string, b *bench) error {
	_, err := measure(parent, func(dir string) error {
		m := newMuxer(b.c, b.k, b.pool)
		if err := m.open(ctx, dir); err != nil {
			return err
		}
		defer m.stage.Close()
		if err := m.write(); err != nil {
			return err
		}
		began, cpu := time.Now(), cpuTime()
		if err := m.finish(); err != nil {
			return err
		}
		used, took := cpuTime()-cpu, time.Since(began)
		if b.warm {
			return nil
		}
		b.r.add("cpu-ms", used.Seconds()*1000)
		b.r.add("ms", took.Seconds()*1000)
		b.r.add("file-MB", float64(b.k.bytes)/1e6)
		b.r.add("written-MB", float64(m.finished())/1e6)
		return nil
	})
	return err
}

// repairRound writes a file without finishing it, as a killed recorder leaves it. It then measures reading the file
// once, and repairing it.
func repairRound(ctx context.Context, parent string, b *bench) error {
	_, err := measure(parent, func(dir string) error {
		m := newMuxer(b.c, b.k, b.pool)
		if err := m.open(ctx, dir); err != nil {
			return err
		}
		if err := m.write(); err != nil {
			return errors.Join(err, m.stage.Close())
		}
		if err := m.stage.Close(); err != nil { // leaves the file unfinished, since its segment has not ended
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
			if err := forgetPages(part); err != nil {
				return err
			}
			if read, readCPU, err = timed(func() error { return readOnce(part) }); err != nil {
				return err
			}
		}
		if err := forgetPages(part); err != nil {
			return err
		}
		repair, repairCPU, err := timed(func() error { _, err := mp4.Repair(part); return err })
		if err != nil || b.warm {
			return err
		}
		b.r.add("x-read", repair.Seconds()/read.Seconds())
		b.r.add("x-read-cpu", float64(repairCPU)/float64(readCPU))
		b.r.add("ms", repair.Seconds()*1000)
		b.r.add("cpu-ms", repairCPU.Seconds()*1000)
		b.r.add("read-ms", read.Seconds()*1000)
		b.r.add("file-MB", float64(b.k.bytes)/1e6)
		return nil
	})
	return err
}

// timed returns the elapsed time and the CPU time of work.
func timed(work func() error) (wall, cpu time.Duration, err error) {
	began, from := time.Now(), cpuTime()
	err = work()
	return time.Since(began), cpuTime() - from, err
}

// readOnce reads a file to its end.
func readOnce(path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return err
}

// forgetPages writes a file's dirty pages to the disk and drops all of its pages from the page cache.
func forgetPages(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if err == nil {
		err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
	return errors.Join(err, f.Close())
}
