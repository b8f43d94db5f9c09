package declared

import (
	"fmt"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/filesystem"
)

// forbidden finds each setting that reaches what the file does not allow. What is inherited
// from the file is allowed, also where it is written out, and so is what is named in it by
// use.
func (b *base) forbidden(stages *config.Node) (problems config.Problems) {
	pipeline.EachReach(stages, func(s *pipeline.StageInfo, r pipeline.Reach, value *config.Node) {
		if b.overlay.Inherited(s, value) || r == pipeline.ReachesProtection && value.Scalar == false {
			return
		}
		if r == pipeline.ReachesDirectory {
			if why, do := outside(b.file, value); why != "" {
				problems.Add(value, do, "%s", why)
			}
			return
		}
		problems.Add(value, instead(s), "%s: a pipeline made by request reaches only what the configuration file declares", whatItDoes[r])
	})
	return problems
}

// whatItDoes says what a setting is refused for.
var whatItDoes = map[pipeline.Reach]string{
	pipeline.ReachesCommand:     "it runs a program",
	pipeline.ReachesURL:         "it sends to a server",
	pipeline.ReachesSecretFile:  "it reads a secret from a file",
	pipeline.ReachesFile:        "it reads a file of the machine",
	pipeline.ReachesEnvironment: "it gives away variables of spool's environment",
	pipeline.ReachesAccess:      "it says who on the machine may read and change recordings",
	pipeline.ReachesProtection:  "it keeps recordings from deletion, which is not the role declare's",
	pipeline.ReachesAnything:    "the stage does not say what this setting reaches",
}

// instead says what to write where.
func instead(s *pipeline.StageInfo) string {
	named, ok := s.Named()
	if !ok {
		return "write the pipeline in the configuration file"
	}
	return fmt.Sprintf("write declare: {%s: [{name: NAME, ...}]} in the configuration file, with this setting, and here %s: {%s: NAME}", named.List, s.Name, named.Key)
}

// outside says why a pipeline made by request may not write to a directory, and what to do.
func outside(file *configs.Config, value *config.Node) (why, do string) {
	dir, ok := value.Text()
	if !ok {
		return "a directory is wanted here", ""
	}
	within, err := filesystem.Within(dir, Directories(file))
	switch {
	case err != nil:
		return fmt.Sprintf("where %.200q leads cannot be told: %v", dir, err), ""
	case !within:
		return fmt.Sprintf("%.200q is neither below mp4.record_path nor below a directory that the configuration file declares, without .. and links that lead elsewhere, and without directories that begin with a dot or end as files of a SQLite database do, such as .db and -wal", dir),
			"write declare: {directories: [...]} in the configuration file, or leave it out here"
	}
	return "", ""
}

// Directories returns those that a pipeline made by request may record to, or below.
func Directories(file *configs.Config) []string {
	return append([]string{file.MP4.RecordPath}, file.Declare.Directories...)
}
