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

// describeRefused describes a pipeline made by API that does not run, by the valid part of its
// declaration.
func describeRefused(in *State, name string) api.Pipeline {
	m := in.own[name]
	out := describe(name, &m.pipeline, true)
	out.Origin, out.Refused = "api", why(m.problems)
	out.Stages = stagesIn(m.pipeline.Stages)
	return out
}

// stagesIn returns the names of the stages in a list of a declaration. It leaves out names of stages
// that do not exist, because they may be any text.
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

// Waits reports whether a pipeline with this name is stored and does not run now. It also returns true
// while the file of the pipelines made by API is not accepted, because the pipeline may be in it.
func (s *State) Waits(name string) bool { return s.unread != nil || s.Refused[name] != nil }

// Unread reports whether there is a file of the pipelines made by API that was not accepted, so that
// none of them runs.
func (s *State) Unread() bool { return s.unread != nil }

// why returns the problems of a pipeline as one text, without the positions in its declaration.
func why(problems config.Problems) string {
	lines := make([]string, len(problems))
	for i, p := range problems {
		p.Pos = config.Pos{}
		lines[i] = shown(p).String()
	}
	return strings.Join(lines, "; ")
}

// Refusals returns a warning for each pipeline made by API that does not run, and one warning if the file of
// these pipelines was not accepted.
func (s *State) Refusals() (warnings []string) {
	if s.unread != nil {
		warnings = append(warnings, fmt.Sprintf("the pipelines made by API do not run, and remain in their file: %s", told(s.File, s.unread)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Refused)) {
		warnings = append(warnings, fmt.Sprintf("pipeline %s, made by API, is stored but does not run: %s", name, why(s.Refused[name])))
	}
	return warnings
}

// logRefused logs why pipelines made by API do not run in the State now: their file was not accepted, or a
// pipeline has problems. before is the Refused of the previous State. logRefused leaves out a pipeline that
// had the same problems in before.
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
