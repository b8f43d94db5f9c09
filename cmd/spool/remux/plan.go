package remux

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/ingest/file"
)

// century bounds the duration that plan takes from the header of a file, which may be damaged.
const century = 100 * 365 * 24 * time.Hour

// plan compiles the pipeline from the input file to a file in dir. It also returns the number of bytes of media to copy,
// which is 0 for a fragmented input, because its tables do not have it.
func (c *Command) plan(dir string) (*pipeline.Plan, int64, error) {
	source, facts, err := c.input()
	if err != nil {
		return nil, 0, err
	}
	stages := append([]any{source}, c.output(dir, facts)...)
	plan, problems := pipeline.Compile("remux", config.FromAny(stages, "remux", nil))
	return plan, facts.MediaBytes, problems.Err()
}

// input returns the source that reads the input, which its content decides, and what is known of the input.
func (c *Command) input() (source map[string]any, facts file.Facts, err error) {
	facts, err = file.Look(c.In)
	return map[string]any{"file": map[string]any{"path": c.In, "speed": "max"}}, facts, err
}

// isTransportStream reports whether a file with this name is written as MPEG-TS.
func isTransportStream(name string) bool {
	return slices.Contains([]string{".ts", ".m2ts", ".mts"}, strings.ToLower(filepath.Ext(name)))
}

// output returns the stages that write the output in dir.
func (c *Command) output(dir string, facts file.Facts) []any {
	if isTransportStream(c.Out) {
		return []any{map[string]any{"mpegts": map[string]any{"path": filepath.Join(dir, "out.ts")}}}
	}
	return c.movie(dir, facts)
}

// movie returns the stages that write MP4. The segmenter's limits are above the duration and the size of the input, so that
// the output is one file; without a known duration or size, the limit is 0, which means none. max_size also determines the
// space that is reserved for the moov, a 256th of it.
func (c *Command) movie(dir string, facts file.Facts) []any {
	limit, size := time.Duration(0), int64(0)
	if facts.Duration > 0 {
		limit = min(facts.Duration, century) + time.Minute
	}
	if facts.MediaBytes > 0 {
		size = 1<<20 + 2*facts.MediaBytes + 256*facts.MoovBytes
	}
	return []any{
		map[string]any{"segmenter": map[string]any{"max_duration": limit.String(), "max_size": size}},
		map[string]any{"mp4": map[string]any{
			"record_path": dir, "filename_pattern": "out.mp4", "fragment": c.Fragment, "sync": "none",
		}},
		map[string]any{"null": map[string]any{}},
	}
}
