package pipeline

import (
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/config"
)

// Reach is what of the machine a setting of a stage leads to. A field of the stage's
// config says it by the tag `reaches:"command"`. Every setting that can hold a text of the
// writer's choice needs one: without it the setting counts as reaching anything, so that a
// pipeline that was made by request may not write it.
type Reach string

// What settings reach.
const (
	ReachesCommand     Reach = "command"     // a program that is run, with its arguments
	ReachesURL         Reach = "url"         // a server that something is sent to or fetched from
	ReachesSecretFile  Reach = "secret_file" // a file that a secret is read from
	ReachesFile        Reach = "file"        // a file that is read
	ReachesDirectory   Reach = "directory"   // a directory that is written to, or told to others as one
	ReachesEnvironment Reach = "environment" // names of variables of the process's own environment
	ReachesAccess      Reach = "access"      // who of the machine may use what is written
	ReachesNothing     Reach = "nothing"     // no more than the recorder and its footage
	ReachesAnything    Reach = ""            // the stage does not say
)

// reaches returns what the settings of a config reach that can hold text.
func reaches(stage string, defaults any) (all []config.Mark) {
	stages := meanings(stage, defaults)
	known := []Reach{ReachesCommand, ReachesURL, ReachesSecretFile, ReachesFile, ReachesDirectory, ReachesEnvironment, ReachesAccess, ReachesNothing, ReachesAnything}
	for _, m := range config.Texts(defaults, "reaches") {
		if !slices.Contains(known, Reach(m.Text)) {
			panic(fmt.Sprintf("pipeline: stage %q: no setting can reach %q", stage, m.Text))
		}
		if !slices.Contains(stages, config.Mark{Path: m.Path, Text: string(ListOfStages)}) { // which EachStage looks at
			all = append(all, m)
		}
	}
	return all
}

// Reaches lists the settings of the stage that can hold text of the writer's choice, each
// with the Reach that it says, but for the stages that it runs itself.
func (s *StageInfo) Reaches() []config.Mark { return s.reach }

// EachReach calls a function with each setting that is written in a list of stages, or in
// the stages that they run, and reaches something.
func EachReach(list *config.Node, do func(s *StageInfo, r Reach, value *config.Node)) {
	EachStage(list, func(s *StageInfo, settings *config.Node) {
		for _, m := range s.reach {
			if Reach(m.Text) == ReachesNothing {
				continue
			}
			for _, value := range settings.All(m.Path) {
				if !value.Empty() {
					do(s, Reach(m.Text), value)
				}
			}
		}
	})
}

// Named is a setting by which a stage takes what the configuration declares elsewhere: a
// field of text with the tag `declared:"exec"` holds the name of an entry of declare.exec.
type Named struct {
	Key  string // of the setting
	List string // of the block declare
}

// Named returns the stage's setting of that kind, if it has one.
func (s *StageInfo) Named() (n Named, ok bool) {
	for _, m := range s.named {
		return Named{Key: m.Path, List: m.Text}, true
	}
	return Named{}, false
}
