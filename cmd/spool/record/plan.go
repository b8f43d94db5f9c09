package record

import (
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
)

// single reports whether Out names one file.
func (c *Command) single() bool { return c.Out != "" && !strings.Contains(c.Out, "{") }

// plan compiles the pipeline that writes the files.
func (c *Command) plan() (*pipeline.Plan, error) {
	dir, pattern := filepath.Split(c.Out)
	if at := strings.Index(c.Out, "{"); at >= 0 { // directories below the first placeholder belong to the pattern
		dir = c.Out[:strings.LastIndex(c.Out[:at], "/")+1]
		pattern = c.Out[len(dir):]
	}
	if c.Out == "" {
		pattern = "{stream}_{date}_{time}.mp4"
	}
	stages := config.FromAny([]any{
		map[string]any{"source": map[string]any{}},
		map[string]any{"segmenter": map[string]any{"max_duration": c.Segment.String(), "max_size": 0}},
		map[string]any{"mp4": map[string]any{
			"record_path": filepath.Clean(dir), "filename_pattern": pattern, "fragment": c.Fragment, "file_mode": "0644", "dir_mode": "0755",
		}},
		map[string]any{"null": map[string]any{}},
	}, "record", nil)
	plan, problems := pipeline.Compile("record", stages)
	return plan, problems.Err()
}

// endings are last elements of paths that do not name a stream.
var endings = []string{"index", "master", "playlist", "stream", "video", "whep"}

// streamOf returns the name of the stream of a URL, for the names of files: the end of its path, without an ending that many
// streams have, or else its host.
func streamOf(source string) string {
	u, err := url.Parse(source)
	if err != nil {
		return "recording"
	}
	last := strings.TrimSuffix(path.Base(u.Path), path.Ext(u.Path))
	if slices.Contains(endings, last) && path.Dir(u.Path) != "/" {
		last = path.Base(path.Dir(u.Path))
	}
	for _, name := range []string{last, u.Hostname()} {
		if streampath.Check(name) == nil {
			return name
		}
	}
	return "recording"
}
