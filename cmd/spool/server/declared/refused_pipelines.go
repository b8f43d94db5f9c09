package declared

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// describeRefused describes a pipeline made by API that does not run: the readable part of its
// declaration.
func describeRefused(in *State, name string) api.Pipeline {
	m := in.own[name]
	out := describe(name, &m.pipeline, true)
	out.Origin, out.Refused = "api", why(m.problems)
	out.Stages = stagesIn(m.pipeline.Stages)
	return out
}

// stagesIn returns the names of known stages in a list. It omits any other name, which may be
// any text.
func stagesIn(list *config.Node) (names []string) {
	if list == nil {
		return nil
	}
	all := pipeline.Stages()
	for _, n := range list.List {
		name, _, ok := pipeline.StageEntry(n)
		if ok && slices.ContainsFunc(all, func(s pipeline.StageInfo) bool { return s.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}

// Waits reports whether a pipeline of this name made by API is stored, or may be, and does not
// run.
func (s *State) Waits(name string) bool { return s.unread != nil || s.Refused[name] != nil }

// Unread reports whether the file of the pipelines made by API was not accepted.
func (s *State) Unread() bool { return s.unread != nil }

// why joins the problems of a pipeline, without positions in its file.
func why(problems config.Problems) string {
	lines := make([]string, len(problems))
	for i, p := range problems {
		p.Pos = config.Pos{}
		lines[i] = shown(p).String()
	}
	return strings.Join(lines, "; ")
}

// Refusals returns one warning for each pipeline made by API that does not run.
func (s *State) Refusals() (warnings []string) {
	if s.unread != nil {
		warnings = append(warnings, fmt.Sprintf("the pipelines made by API do not run, and remain in their file: %s", told(s.File, s.unread)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Refused)) {
		warnings = append(warnings, fmt.Sprintf("pipeline %s, made by API, is stored but does not run: %s", name, why(s.Refused[name])))
	}
	return warnings
}

// logRefused logs the pipelines made by API that do not run, except those that were logged
// before.
func (p *Set) logRefused(before map[string]config.Problems, now State) {
	if now.unread != nil {
		p.log.Error("the pipelines made by API do not run, and remain in their file; other pipelines record: remove the cause and reload, or write the pipelines into the configuration file", "file", p.kept, "error", now.unread)
	}
	for _, name := range slices.Sorted(maps.Keys(now.Refused)) {
		if wrong := now.Refused[name]; why(before[name]) != why(wrong) {
			p.log.Error("a pipeline made by API is stored but does not run; other pipelines record", "pipeline", name, "problem", why(wrong))
		}
	}
}
