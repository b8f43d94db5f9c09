package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gospool/spool/cmd/spool/logging"
)

// bar draws a progress bar on a terminal, and nothing elsewhere. It is not safe for concurrent use.
type bar struct {
	out   io.Writer // nil: not a terminal
	what  string    // label before the bar
	began time.Time
	drawn time.Time // when the bar was last drawn
}

const (
	barCells = 30                     // width of the bar in characters
	barEvery = 100 * time.Millisecond // shortest time between two drawings
)

// newBar returns a bar with a label. It draws nothing before the first call of at.
func newBar(out io.Writer, what string) *bar {
	if !logging.IsTerminal(out) {
		out = nil
	}
	return &bar{out: out, what: what, began: time.Now()}
}

// at draws the bar for done of total units. It draws at most once every barEvery, but always if all
// units are done.
func (b *bar) at(done, total int) {
	now := time.Now()
	if b.out == nil || total == 0 || now.Sub(b.drawn) < barEvery && done < total {
		return
	}
	b.drawn = now
	fmt.Fprint(b.out, "\r"+b.text(done, total, now.Sub(b.began))+"\x1b[K")
}

// text returns the line with the bar and, while work is left, the estimated time for it.
func (b *bar) text(done, total int, took time.Duration) string {
	full := min(done, total) * barCells / total
	text := fmt.Sprintf("%s [%s%s] %d of %d", b.what, strings.Repeat("#", full), strings.Repeat(".", barCells-full), done, total)
	if done == 0 || done >= total {
		return text
	}
	left := time.Duration(float64(took) / float64(done) * float64(total-done))
	return text + ", " + left.Round(time.Second).String() + " left"
}

// end removes the bar from the terminal, so that its line is free for the next output.
func (b *bar) end() {
	if b.out != nil && !b.drawn.IsZero() {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
