package pipeline

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gospool/spool/pipeline/config"
)

// Reach is the part of the machine to which a setting of a stage gives access. The tag `reaches:"command"` of a
// field of the stage's config declares it. Each setting with free text needs the tag: without it, the setting
// counts as ReachesAnything, and a pipeline made by API may not write it. A switch needs the tag if it turns on
// access to the machine.
type Reach string

// The values of Reach.
const (
	ReachesCommand     Reach = "command"     // a program that is run, with its arguments
	ReachesURL         Reach = "url"         // a server that receives data, or from which data is fetched
	ReachesSecretFile  Reach = "secret_file" // a file with a secret
	ReachesFile        Reach = "file"        // a file that is read
	ReachesDirectory   Reach = "directory"   // a directory in which files are written, or whose path is passed on
	ReachesEnvironment Reach = "environment" // names of environment variables of the process
	ReachesAccess      Reach = "access"      // permissions of written files
	ReachesProtection  Reach = "protection"  // whether footage may be deleted
	ReachesNothing     Reach = "nothing"     // only the recorder and its footage
	ReachesAnything    Reach = ""            // no tag
)

// reaches returns the settings of a stage's config that can hold free text (see config.Texts), each with its Reach.
// It leaves out lists of stages. It panics if a tag reaches has a word that is not a Reach.
func reaches(stage string, defaults any) (all []config.Mark) {
	stages := meanings(stage, defaults)
	known := []Reach{ReachesCommand, ReachesURL, ReachesSecretFile, ReachesFile, ReachesDirectory, ReachesEnvironment, ReachesAccess, ReachesProtection, ReachesNothing, ReachesAnything}
	for _, m := range config.Texts(defaults, "reaches") {
		if !slices.Contains(known, Reach(m.Text)) {
			panic(fmt.Sprintf("pipeline: stage %q: no setting can reach %q", stage, m.Text))
		}
		// EachStage visits the stages of such a list, so the list has no Reach of its own.
		if !slices.Contains(stages, config.Mark{Path: m.Path, Text: string(ListOfStages)}) {
			all = append(all, m)
		}
	}
	return all
}

// Reaches returns the settings of the stage that can hold free text (see config.Texts), each with its Reach as
// Mark.Text. It leaves out lists of stages, whose stages have settings of their own.
func (s *StageInfo) Reaches() []config.Mark { return s.reach }

// EachReach calls do with each written setting that can hold free text (see config.Texts) and whose Reach is not
// ReachesNothing. It visits the stages of a list, and those of the lists in their settings, such as branches.
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

// Named describes a setting that names an entry of the configuration's block declare. The tag `declared:"exec"`
// of a text field means that the field holds the name of an entry of declare.exec.
type Named struct {
	Key  string // path of the setting within the stage's settings
	List string // name of the list in the block declare
}

// Named returns the stage's setting that names an entry of the configuration's block declare: the one with the tag
// declared. ok is false if the stage has no such setting.
func (s *StageInfo) Named() (n Named, ok bool) {
	for _, m := range s.named {
		return Named{Key: m.Path, List: m.Text}, true
	}
	return Named{}, false
}

// Take is the resource that a setting of a stage consumes in proportion to its value. The tag `takes:"memory"`
// of a field of the stage's config declares it. Each number, Duration and Size needs the tag: without it, the
// setting counts as TakesAnything, and a pipeline made by API may not write it.
type Take string

// The values of Take.
const (
	TakesMemory   Take = "memory"   // bytes of memory, for each stream that the pipeline records
	TakesMedia    Take = "media"    // media of a stream held in memory, as a duration
	TakesCommands Take = "commands" // programs that run at the same time
	TakesWaiting  Take = "waiting"  // commands that wait in a queue
	TakesNothing  Take = "nothing"  // nothing but space for the recorded files
	TakesAnything Take = ""         // no tag
)

// takes returns the Take of each numeric setting of a stage's config. It panics if a tag takes has a word that is
// not a Take.
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

// Taken is a numeric setting in a declaration, with the resource that it consumes.
type Taken struct {
	Take    Take
	Value   *config.Node // effective value: the written one, or the default
	Written bool         // the declaration sets the value
	At      *config.Node // the written value, or an empty node with its path
}

// EachTaken calls do with each numeric setting whose Take is not TakesNothing. It visits the stages of a list, and
// those of the lists in their settings. A value of a wrong type counts as the default; Compile reports the error.
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

// placeOf returns the value that settings has at a path, and true. If settings has no value at the path, placeOf
// returns an empty node with the path and the position of the nearest enclosing value, and false.
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
