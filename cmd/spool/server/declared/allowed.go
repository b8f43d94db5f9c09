package declared

import (
	"fmt"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/filesystem"
)

// forbidden returns a problem for each setting in the stages of a pipeline made by API that reaches a
// resource outside of the recorder which the configuration file does not allow, such as a command, a
// URL or a directory. A setting is allowed if it has the value that the stage would inherit from the
// file, or if it refers by name to a resource in the block declare of the file.
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
		problems.Add(value, instead(s), "%s: a pipeline made by API reaches only what the configuration file declares", whatItDoes[r])
	})
	return problems
}

// whatItDoes holds, for each kind of resource that a setting can reach, the effect of the setting. The texts
// of the problems that forbidden returns begin with these words.
var whatItDoes = map[pipeline.Reach]string{
	pipeline.ReachesCommand:     "it runs a program",
	pipeline.ReachesURL:         "it sends to a server",
	pipeline.ReachesSecretFile:  "it reads a secret from a file",
	pipeline.ReachesFile:        "it reads a file of the machine",
	pipeline.ReachesEnvironment: "it discloses variables of spool's environment",
	pipeline.ReachesAccess:      "it sets which users of the machine may read and change recordings",
	pipeline.ReachesProtection:  "it protects recordings from deletion, which the role declare does not allow",
	pipeline.ReachesAnything:    "the stage does not declare which resources this setting reaches",
}

// instead returns the remedy for a setting of the stage s that forbidden refuses: the text to write in the
// configuration file.
func instead(s *pipeline.StageInfo) string {
	named, ok := s.Named()
	if !ok {
		return "write the pipeline in the configuration file"
	}
	return fmt.Sprintf("write declare: {%s: [{name: NAME, ...}]} in the configuration file, with this setting, and here %s: {%s: NAME}", named.List, s.Name, named.Key)
}

// outside returns in why the reason for which a pipeline made by API may not record to the directory in value,
// and in do the remedy. Both are "" if it may.
func outside(file *configs.Config, value *config.Node) (why, do string) {
	dir, ok := value.Text()
	if !ok {
		return "expected a directory", ""
	}
	within, err := filesystem.Within(dir, Directories(file))
	switch {
	case err != nil:
		return fmt.Sprintf("%.200q cannot be resolved: %v", dir, err), ""
	case !within:
		return fmt.Sprintf("%.200q is neither below mp4.record_path nor below a directory that the configuration file declares, without .. and links that lead elsewhere, and without directories that begin with a dot or end as files of a SQLite database do, such as .db and -wal", dir),
			"write declare: {directories: [...]} in the configuration file, or leave it out here"
	}
	return "", ""
}

// Directories returns the directories that pipelines made by API may record to; they may also record to
// directories below these.
func Directories(file *configs.Config) []string {
	return append([]string{file.MP4.RecordPath}, file.Declare.Directories...)
}
