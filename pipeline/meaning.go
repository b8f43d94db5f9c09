package pipeline

import (
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/config"
)

// Meaning classifies a setting of a stage for code that knows no stage by name. The tag `means:"stages"` of a
// field of the stage's config declares it.
type Meaning string

// The meanings of settings.
const (
	ListOfStages    Meaning = "stages"           // a list of stages that the stage runs
	RecordDirectory Meaning = "record_directory" // the directory in which the stage writes files
	FilePattern     Meaning = "file_pattern"     // the pattern of the names of the files that the stage writes
	FileGroup       Meaning = "file_group"       // the group that owns the files that the stage writes
)

// meanings returns the settings of a stage's config that have the tag means. It panics if a tag means has a word
// that is not a Meaning.
func meanings(stage string, defaults any) []config.Mark {
	marks := config.Marks(defaults, "means")
	for _, m := range marks {
		if !slices.Contains([]Meaning{ListOfStages, RecordDirectory, FilePattern, FileGroup}, Meaning(m.Text)) {
			panic(fmt.Sprintf("pipeline: stage %q: no setting can mean %q", stage, m.Text))
		}
	}
	return marks
}

// Paths returns the paths, within the settings of the stage, of those with the meaning m. In a path, * stands for
// each item of a list and each key of a map.
func (s *StageInfo) Paths(m Meaning) (paths []string) {
	for _, mark := range s.means {
		if mark.Text == string(m) {
			paths = append(paths, mark.Path)
		}
	}
	return paths
}

// Written returns the written values of the stage's settings with the meaning m. settings is the node of the
// stage's settings in a declaration.
func (s *StageInfo) Written(settings *config.Node, m Meaning) (all []*config.Node) {
	for _, path := range s.Paths(m) {
		all = append(all, settings.All(path)...)
	}
	return all
}

// EndsInOutput reports whether the last stage of a list is an output: see RegisterOutput.
func EndsInOutput(list *config.Node) bool {
	if list == nil || len(list.List) == 0 {
		return false
	}
	name, _, ok := StageEntry(list.List[len(list.List)-1])
	s := lookup(name)
	return ok && s != nil && s.Kind == KindOutput
}

// EachStage calls do with each stage of a list and its settings. For a stage that has lists of stages in its
// own settings, it then does the same with these lists. It skips unknown stages.
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
