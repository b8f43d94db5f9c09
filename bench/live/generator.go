package live

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"

	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/bench/readload"
)

// ReadyLine is the line that a load generator must print when all its publishers publish, and media has come to all its readers. At its end it must print a
// line with its Totals as JSON.
const ReadyLine = "publishing"

// Totals counts the media that a load generator has sent from its start to its end.
type Totals struct {
	publishload.Stats
	Sent []publishload.Sent `json:"sent"` // of each publisher, in order of their numbers
	Read readload.Totals    `json:"read"` // of all readers
}

// maxLineBytes is the greatest length of a line of a load generator: the Totals of thousands of publishers.
const maxLineBytes = 1 << 20

// output receives the parsed output of the load generator from the goroutine of follow.
type output struct {
	ready chan struct{} // closed at ReadyLine
	sent  chan Totals   // gets the totals at the end of the output
}

// follow starts a goroutine that reads the output of the load generator to its end, and returns at once. The
// goroutine closes output.ready and sends to output.sent.
func follow(r io.Reader) output {
	o := output{make(chan struct{}), make(chan Totals, 1)}
	go func() {
		var totals Totals
		lines, seen := bufio.NewScanner(r), false
		lines.Buffer(nil, maxLineBytes)
		for lines.Scan() {
			switch text := lines.Text(); {
			case text == ReadyLine && !seen:
				seen = true
				close(o.ready)
			case strings.HasPrefix(text, "{"):
				_ = json.Unmarshal([]byte(text), &totals)
			}
		}
		_, _ = io.Copy(io.Discard, r)
		o.sent <- totals
	}()
	return o
}
