package declared

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
)

// describeRefused describes a pipeline that was made by request and is not run. Its
// declaration is shown where it could be one.
func describeRefused(in State, name string) api.Pipeline {
	out := api.Pipeline{Name: name, Origin: "api", Refused: why(in.Refused[name])}
	alone := *in.File
	alone.Pipelines = nil
	if one, wrong := alone.With(map[string]*config.Node{name: in.own[name]}); len(wrong) == 0 {
		written := one.Pipelines[configs.PipelineName(name)]
		out.Record, out.Streams, out.Declaration, out.Own = written.Record, written.Streams, string(written.Shown(false)), string(written.Shown(true))
	}
	return out
}

// Waits reports whether a pipeline of a name was made by request, or may have been, and is
// kept and not run.
func (s *State) Waits(name string) bool { return s.unread != nil || s.Refused[name] != nil }

// why is what is wrong with a pipeline, without the places in its file.
func why(problems config.Problems) string {
	lines := make([]string, len(problems))
	for i, p := range problems {
		p.Pos = config.Pos{}
		lines[i] = shown(p).String()
	}
	return strings.Join(lines, "; ")
}

// Refusals says which pipelines that were made by request are not run, and why.
func (s *State) Refusals() (warnings []string) {
	if s.unread != nil {
		warnings = append(warnings, "the pipelines that were made by request are not run, since their file is not obeyed: the log says why and what to do")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Refused)) {
		warnings = append(warnings, fmt.Sprintf("pipeline %s, made by request, is kept and not run: %s", name, why(s.Refused[name])))
	}
	return warnings
}

// sayRefused logs what was made by request and is not run, but for what was said before.
func (p *Set) sayRefused(before map[string]config.Problems, now State) {
	if now.unread != nil {
		p.log.Error("pipelines that were made by request are not run, and stay in their file: the others record", "file", p.kept, "error", now.unread)
	}
	for _, name := range slices.Sorted(maps.Keys(now.Refused)) {
		if wrong := now.Refused[name]; why(before[name]) != why(wrong) {
			p.log.Error("a pipeline that was made by request is kept and not run: the others record", "pipeline", name, "problem", why(wrong))
		}
	}
}
