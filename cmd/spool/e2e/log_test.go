package e2e

import (
	"encoding/json"
	"strings"

	"github.com/gospool/spool/pipeline/pipelinetest"
)

// logBook collects the output of a program, and can be read while the program runs.
type logBook struct{ pipelinetest.Log }

// line is one line of a JSON log.
type line map[string]any

func (l line) text(key string) string { s, _ := l[key].(string); return s }

// lines returns the whole lines so far. A line that is not JSON, such as a report of the race
// detector, has the level RAW.
func (l *logBook) lines() (out []line) {
	all := l.String()
	for text := range strings.Lines(all) {
		if !strings.HasSuffix(text, "\n") {
			break
		}
		var parsed line
		if json.Unmarshal([]byte(text), &parsed) != nil {
			parsed = line{"level": "RAW", "msg": strings.TrimSpace(text)}
		}
		out = append(out, parsed)
	}
	return out
}
