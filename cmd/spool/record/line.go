package record

import (
	"fmt"
	"io"
	"time"

	"github.com/gospool/spool/cmd/spool/logging"
)

// line draws the progress of a recording on one line of a terminal, and nothing elsewhere.
type line struct {
	out   io.Writer // nil: not a terminal
	drawn time.Time
	past  []sample // of the newest rateSpan, the oldest first
}

// sample is the size of a recording at a time.
type sample struct {
	at    time.Time
	bytes int64
}

// rateSpan is the time over which the bit rate is measured, and drawEvery that between two drawings.
const (
	rateSpan  = 3 * time.Second
	drawEvery = 500 * time.Millisecond
)

func newLine(out io.Writer) *line {
	if !logging.IsTerminal(out) {
		return &line{}
	}
	return &line{out: out}
}

// show draws the progress, at most once in drawEvery.
func (l *line) show(now time.Time, p *progress) {
	if l.out == nil || now.Sub(l.drawn) < drawEvery {
		return
	}
	l.drawn = now
	fmt.Fprintf(l.out, "\r%s\x1b[K", p.text(l.rate(now, p.bytes)))
}

// rate returns the newest bit rate, in bit/s.
func (l *line) rate(now time.Time, bytes int64) float64 {
	l.past = append(l.past, sample{now, bytes})
	for len(l.past) > 2 && now.Sub(l.past[0].at) > rateSpan {
		l.past = l.past[1:]
	}
	first := l.past[0]
	if span := now.Sub(first.at).Seconds(); span > 0 {
		return 8 * float64(bytes-first.bytes) / span
	}
	return 0
}

// end frees the line for other output.
func (l *line) end() {
	if l.out != nil && !l.drawn.IsZero() {
		fmt.Fprint(l.out, "\r\x1b[K")
		l.drawn = time.Time{}
	}
}
