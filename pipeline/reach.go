package pipeline

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gospool/spool/pipeline/config"
)

// Reach is what of the machine a setting of a stage leads to. A field of the stage's
// config says it by the tag `reaches:"command"`. Every setting that can hold a text of the
// writer's choice needs one: without it the setting counts as reaching anything, so that a
// pipeline that was made by request may not write it. A switch has one where to turn it on
// reaches something.
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
	ReachesProtection  Reach = "protection"  // whether footage may be deleted
	ReachesNothing     Reach = "nothing"     // no more than the recorder and its footage
	ReachesAnything    Reach = ""            // the stage does not say
)

// reaches returns what the settings of a config reach that can hold text.
func reaches(stage string, defaults any) (all []config.Mark) {
	stages := meanings(stage, defaults)
	known := []Reach{ReachesCommand, ReachesURL, ReachesSecretFile, ReachesFile, ReachesDirectory, ReachesEnvironment, ReachesAccess, ReachesProtection, ReachesNothing, ReachesAnything}
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

// Take is what a setting of a stage takes of the machine, the more the larger it is. A
// field of the stage's config says it by the tag `takes:"memory"`. Every number, Duration
// and Size needs one: without it the setting counts as taking anything, so that a pipeline
// that was made by request may not write it.
type Take string

// What settings take.
const (
	TakesMemory   Take = "memory"   // bytes, for each stream that the pipeline records
	TakesMedia    Take = "media"    // time of a stream that is held in memory
	TakesCommands Take = "commands" // programs that run at a time
	TakesWaiting  Take = "waiting"  // commands that wait to be run
	TakesNothing  Take = "nothing"  // no more than the footage does
	TakesAnything Take = ""         // the stage does not say
)

// takes returns what the settings of a config take that are numbers.
func takes(stage string, defaults any) []config.Mark {
	marks := config.Numbers(defaults, "takes")
	for _, m := range marks {
		if !slices.Contains([]Take{TakesMemory, TakesMedia, TakesCommands, TakesWaiting, TakesNothing, TakesAnything}, Take(m.Text)) {
			panic(fmt.Sprintf("pipeline: stage %q: no setting can take %q", stage, m.Text))
		}
	}
	return marks
}

// Takes lists the settings of the stage that are numbers, each with the Take that it says.
func (s *StageInfo) Takes() []config.Mark { return s.takes }

// Taken is one setting that takes something.
type Taken struct {
	Take    Take
	Value   *config.Node // what holds, which is the default where nothing is written
	Written bool
	At      *config.Node // where it is written, or would be
}

// EachTaken calls a function with each setting that takes something, or may, in a list of
// stages and in the stages that they run. A setting of a wrong type counts as its default: the
// build says what is wrong.
func EachTaken(list *config.Node, do func(s *StageInfo, t Taken)) {
	EachStage(list, func(s *StageInfo, settings *config.Node) {
		marks := slices.DeleteFunc(slices.Clone(s.takes), func(m config.Mark) bool { return Take(m.Text) == TakesNothing })
		if len(marks) == 0 {
			return
		}
		complete := s.complete(settings)
		for _, m := range marks {
			for _, value := range complete.All(m.Path) {
				at, written := placeOf(settings, value.Path)
				do(s, Taken{Take(m.Text), value, written, at})
			}
		}
	})
}

// placeOf returns what is written at a path, and where nothing is, an empty value in its
// place.
func placeOf(settings *config.Node, path string) (at *config.Node, written bool) {
	at = settings
	for _, key := range config.SplitPath(path) {
		next := at.Get(key)
		if i, err := strconv.Atoi(key); err == nil && at.IsList && i < len(at.List) {
			next = at.List[i]
		}
		if next.Empty() {
			next = &config.Node{Pos: at.Pos, Path: config.Join(at.Path, key)}
		}
		at = next
	}
	return at, !at.Empty()
}
