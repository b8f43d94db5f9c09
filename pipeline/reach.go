package pipeline

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gospool/spool/pipeline/config"
)

// Reach is the part of the machine that a setting of a stage leads to. A field of the stage's
// config declares it by the tag `reaches:"command"`. Every setting that holds free text needs one:
// without it the setting counts as reaching anything, so a pipeline made by API must not write
// it. A switch needs one if it turns on something that reaches the machine.
type Reach string

// What settings reach.
const (
	ReachesCommand     Reach = "command"     // a program that runs, with its arguments
	ReachesURL         Reach = "url"         // a server to which data is sent or from which it is fetched
	ReachesSecretFile  Reach = "secret_file" // a file with a secret
	ReachesFile        Reach = "file"        // a file that is read
	ReachesDirectory   Reach = "directory"   // a directory to which files are written, or that is passed on as such
	ReachesEnvironment Reach = "environment" // names of environment variables of the process
	ReachesAccess      Reach = "access"      // permissions of written files
	ReachesProtection  Reach = "protection"  // whether footage may be deleted
	ReachesNothing     Reach = "nothing"     // only the recorder and its footage
	ReachesAnything    Reach = ""            // undeclared
)

// reaches returns the Reach of each setting of a config that holds text.
func reaches(stage string, defaults any) (all []config.Mark) {
	stages := meanings(stage, defaults)
	known := []Reach{ReachesCommand, ReachesURL, ReachesSecretFile, ReachesFile, ReachesDirectory, ReachesEnvironment, ReachesAccess, ReachesProtection, ReachesNothing, ReachesAnything}
	for _, m := range config.Texts(defaults, "reaches") {
		if !slices.Contains(known, Reach(m.Text)) {
			panic(fmt.Sprintf("pipeline: stage %q: no setting can reach %q", stage, m.Text))
		}
		if !slices.Contains(stages, config.Mark{Path: m.Path, Text: string(ListOfStages)}) { // EachStage visits these
			all = append(all, m)
		}
	}
	return all
}

// Reaches returns the settings of the stage that hold free text, each with its Reach, without the
// lists of stages.
func (s *StageInfo) Reaches() []config.Mark { return s.reach }

// EachReach calls do with each written setting, in a list of stages and in the stages that they
// run, that reaches something.
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

// Named is a setting by which a stage refers to an entry that the configuration declares elsewhere:
// a text field with the tag `declared:"exec"` holds the name of an entry of declare.exec.
type Named struct {
	Key  string // name of the setting
	List string // name of the list in the block declare
}

// Named returns the stage's setting of that kind, if it has one.
func (s *StageInfo) Named() (n Named, ok bool) {
	for _, m := range s.named {
		return Named{Key: m.Path, List: m.Text}, true
	}
	return Named{}, false
}

// Take is the resource that a setting of a stage consumes in proportion to its value. A field of
// the stage's config declares it by the tag `takes:"memory"`. Every number, Duration and Size needs
// one: without it the setting counts as taking anything, so a pipeline made by API must not
// write it.
type Take string

// What settings take.
const (
	TakesMemory   Take = "memory"   // bytes for each stream that the pipeline records
	TakesMedia    Take = "media"    // duration of a stream's media held in memory
	TakesCommands Take = "commands" // concurrent programs
	TakesWaiting  Take = "waiting"  // queued commands
	TakesNothing  Take = "nothing"  // nothing beyond the footage
	TakesAnything Take = ""         // undeclared
)

// takes returns the Take of each numeric setting of a config.
func takes(stage string, defaults any) []config.Mark {
	marks := config.Numbers(defaults, "takes")
	for _, m := range marks {
		if !slices.Contains([]Take{TakesMemory, TakesMedia, TakesCommands, TakesWaiting, TakesNothing, TakesAnything}, Take(m.Text)) {
			panic(fmt.Sprintf("pipeline: stage %q: no setting can take %q", stage, m.Text))
		}
	}
	return marks
}

// Takes returns the numeric settings of the stage, each with its Take.
func (s *StageInfo) Takes() []config.Mark { return s.takes }

// Taken is one setting with the resource that it takes.
type Taken struct {
	Take    Take
	Value   *config.Node // effective value: the default if none is written
	Written bool
	At      *config.Node // the written value, or an empty node in its place
}

// EachTaken calls do with each setting, in a list of stages and in the stages that they run, that
// takes or may take something. A setting of a wrong type counts with its default: Compile reports
// it.
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

// placeOf returns the written value at a path, or an empty node in its place.
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
