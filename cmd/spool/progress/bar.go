// Package progress draws progress bars of long commands on a terminal.
package progress

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gospool/spool/cmd/spool/logging"
)

// Bar draws a progress bar on a terminal, and nothing elsewhere. It is not safe for concurrent use.
type Bar struct {
	out   io.Writer // nil: not a terminal
	what  string    // label before the bar
	began time.Time
	drawn time.Time // when the bar was last drawn
}

// Every is the shortest time between two drawings of a bar.
const Every = 100 * time.Millisecond

const barCells = 30 // width of the bar in characters

// New returns a bar with a label. It draws nothing before the first call of At.
func New(out io.Writer, what string) *Bar {
	if !logging.IsTerminal(out) {
		out = nil
	}
	return &Bar{out: out, what: what, began: time.Now()}
}

// At draws the bar for done of total units. It draws at most once every Every, but always if all
// units are done.
func (b *Bar) At(done, total int) {
	now := time.Now()
	if b.out == nil || total == 0 || now.Sub(b.drawn) < Every && done < total {
		return
	}
	b.drawn = now
	fmt.Fprint(b.out, "\r"+b.text(done, total, now.Sub(b.began))+"\x1b[K")
}

// text returns the line with the bar and, while work is left, the estimated time for it.
func (b *Bar) text(done, total int, took time.Duration) string {
	full := min(done, total) * barCells / total
	text := fmt.Sprintf("%s [%s%s] %d of %d", b.what, strings.Repeat("#", full), strings.Repeat(".", barCells-full), done, total)
	if done == 0 || done >= total {
		return text
	}
	left := time.Duration(float64(took) / float64(done) * float64(total-done))
	return text + ", " + left.Round(time.Second).String() + " left"
}

// End removes the bar from the terminal, so that its line is free for the next output.
func (b *Bar) End() {
	if b.out != nil && !b.drawn.IsZero() {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
