package pipeline

import (
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/config"
)

// Meaning is what a setting of a stage is for those who know no stage by its name. A field
// of the stage's config has it by the tag `means:"stages"`.
type Meaning string

// The meanings.
const (
	ListOfStages    Meaning = "stages"           // that the stage runs
	RecordDirectory Meaning = "record_directory" // that the stage writes files in
	FilePattern     Meaning = "file_pattern"     // of the names of these files
	FileGroup       Meaning = "file_group"       // that these files are given to
)

// meanings returns those of a config, by the paths of its settings.
func meanings(stage string, defaults any) []config.Mark {
	marks := config.Marks(defaults, "means")
	for _, m := range marks {
		if !slices.Contains([]Meaning{ListOfStages, RecordDirectory, FilePattern, FileGroup}, Meaning(m.Text)) {
			panic(fmt.Sprintf("pipeline: stage %q: no setting can mean %q", stage, m.Text))
		}
	}
	return marks
}

// Paths returns the paths of the stage's settings that mean something: see config.Mark.
func (s *StageInfo) Paths(m Meaning) (paths []string) {
	for _, mark := range s.means {
		if mark.Text == string(m) {
			paths = append(paths, mark.Path)
		}
	}
	return paths
}

// Written returns what settings of the stage say for those that mean something.
func (s *StageInfo) Written(settings *config.Node, m Meaning) (all []*config.Node) {
	for _, path := range s.Paths(m) {
		all = append(all, settings.All(path)...)
	}
	return all
}

// EachStage calls a function with each stage of a list and its settings, and then with the
// stages that it runs itself. It leaves out what is not registered.
func EachStage(list *config.Node, do func(s *StageInfo, settings *config.Node)) {
	if list == nil {
		return
	}
	for _, n := range list.List {
		name, settings, ok := StageEntry(n)
		s := lookup(name)
		if !ok || s == nil {
			continue
		}
		do(&s.StageInfo, settings)
		for _, below := range s.Written(settings, ListOfStages) {
			EachStage(below, do)
		}
	}
}
