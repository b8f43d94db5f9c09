package record

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// progress is what a recording has written so far.
type progress struct {
	media    time.Duration // in all files
	bytes    int64         // of all files
	lost     uint64        // access units that were left out, behind the first key frame
	warnings []string

	ended sums   // of the files before the present one, and of the runs before the present one
	file  string // that grows, or the newest one
	now   sums   // of that file, and of the present run
}

// sums are the media of files, and the bytes and losses of runs.
type sums struct {
	media time.Duration
	bytes int64
	lost  uint64
}

// update takes over the report of the present run, or of the last one.
func (p *progress) update(r *pipeline.Report) {
	name := strings.TrimSuffix(r.File, media.PartSuffix)
	if name != p.file { // another file has begun
		p.ended.media += p.now.media
		p.file, p.now.media = name, 0
	}
	var lost uint64
	for _, d := range r.Drops {
		if d.Cause != media.DropBeforeKeyFrame { // no loss: a recording begins with a key frame
			lost += d.AccessUnits
		}
	}
	if r.TotalBytes < p.now.bytes { // another run has begun
		p.ended.bytes += p.now.bytes
		p.ended.lost += p.now.lost
	}
	p.now = sums{max(r.Duration, p.now.media), r.TotalBytes, lost}
	p.media, p.bytes, p.lost = p.ended.media+p.now.media, p.ended.bytes+p.now.bytes, p.ended.lost+p.now.lost
	p.warnings = r.Warnings
}

// text returns the duration, the size, the bit rate and the losses of the recording. The rate is the average if bitRate,
// in bit/s, is 0.
func (p *progress) text(bitRate float64) string {
	if p.file == "" {
		return "waiting for the first key frame"
	}
	if bitRate == 0 && p.media > 0 {
		bitRate = 8 * float64(p.bytes) / p.media.Seconds()
	}
	s := int(p.media.Round(time.Second).Seconds())
	return fmt.Sprintf("%02d:%02d:%02d  %.1f MB  %.2f Mbit/s  %d lost", s/3600, s/60%60, s%60, float64(p.bytes)/1e6, bitRate/1e6, p.lost)
}

// files collects the finished files. It implements Growth of package mp4.
type files struct {
	mu   sync.Mutex // guards done
	done []finished
}

// finished is a file that is complete.
type finished struct {
	name  string
	bytes int64
}

// Grew does nothing.
func (f *files) Grew(string, string, int64) {}

// Closed adds a file, unless it was left unfinished or removed.
func (f *files) Closed(file, as string) {
	if as == file {
		return
	}
	info, err := os.Stat(as)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, finished{relative(as), info.Size()})
}

func (f *files) list() []finished {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// relative returns a path from the working directory, if the file is below it.
func relative(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		return name
	}
	if rel, err := filepath.Rel(dir, name); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return name
}
