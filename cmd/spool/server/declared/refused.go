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

// describeRefused describes a pipeline that was made by request and is not run: what could
// be read of it, and of its declaration what may be shown.
func describeRefused(in *State, name string) api.Pipeline {
	m := in.own[name]
	out := describe(name, &m.pipeline, true)
	out.Origin, out.Refused = "api", why(m.problems)
	out.Stages = stagesIn(m.pipeline.Stages)
	return out
}

// stagesIn names the stages of a list that may be none. A name that is no stage's is left
// out: it may be anything.
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

// Waits reports whether a pipeline of a name was made by request, or may have been, and is
// kept and not run.
func (s *State) Waits(name string) bool { return s.unread != nil || s.Refused[name] != nil }

// Unread reports whether the file of the pipelines that were made by request is not obeyed.
func (s *State) Unread() bool { return s.unread != nil }

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
		warnings = append(warnings, fmt.Sprintf("the pipelines that were made by request are not run, and stay in their file: %s", told(s.File, s.unread)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Refused)) {
		warnings = append(warnings, fmt.Sprintf("pipeline %s, made by request, is kept and not run: %s", name, why(s.Refused[name])))
	}
	return warnings
}

// sayRefused logs what was made by request and is not run, but for what was said before.
func (p *Set) sayRefused(before map[string]config.Problems, now State) {
	if now.unread != nil {
		p.log.Error("pipelines that were made by request are not run, and stay in their file: the others record; do what the error says and reload, or write them into the configuration file", "file", p.kept, "error", now.unread)
	}
	for _, name := range slices.Sorted(maps.Keys(now.Refused)) {
		if wrong := now.Refused[name]; why(before[name]) != why(wrong) {
			p.log.Error("a pipeline that was made by request is kept and not run: the others record", "pipeline", name, "problem", why(wrong))
		}
	}
}
