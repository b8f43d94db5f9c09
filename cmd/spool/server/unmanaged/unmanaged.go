// Package unmanaged finds the record directories of a configuration other than mp4.record_path. spool
// only writes to them: Directory.Missing lists the functions that it has for mp4.record_path alone.
package unmanaged

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// Directory describes a record directory of a pipeline other than mp4.record_path.
type Directory struct {
	Pipeline string
	Path     string       // path as in the configuration, cleaned
	At       *config.Node // the setting that names the directory
	within   bool         // the directory is below mp4.record_path
}

// Directories returns the unmanaged directories of a configuration, sorted by pipeline, then in the
// order of its stages, each once for a pipeline.
func Directories(cfg *configs.Config) (all []Directory) {
	main := disk.Absolute(cfg.MP4.RecordPath)
	for _, name := range slices.Sorted(maps.Keys(cfg.Pipelines)) {
		known := map[string]bool{main: true}
		pipeline.EachStage(cfg.Pipelines[name].Stages, func(s *pipeline.StageInfo, settings *config.Node) {
			for _, n := range s.Written(settings, pipeline.RecordDirectory) {
				text, ok := n.Scalar.(string)
				if dir := disk.Absolute(text); ok && text != "" && !known[dir] {
					known[dir] = true
					all = append(all, Directory{Pipeline: string(name), Path: filepath.Clean(text), At: n, within: below(main, dir)})
				}
			}
		})
	}
	return all
}

// below reports whether dir is top or below top; both are absolute paths.
func below(top, dir string) bool {
	rel, err := filepath.Rel(top, dir)
	return err == nil && filepath.IsLocal(rel)
}

// Missing returns a text that lists the tasks that spool does not do for recordings in the directory,
// such as their deletion by request.
func (d Directory) Missing() string {
	missing := "nothing plays, protects or deletes its recordings by request, and the comparison of the catalogue with the disk leaves it out"
	if !d.within {
		missing = "a start does not repair the files that a crash leaves in it, retention removes no file from it, " + missing
	}
	return missing
}

// Cause returns a text with the pipeline, its directory and d.Missing: the cause of a problem.
func (d Directory) Cause() string {
	return fmt.Sprintf("pipeline %s records to %s, which is not mp4.record_path: %s", d.Pipeline, d.Path, d.Missing())
}

// Remedy returns a text for the operator: how to avoid an unmanaged directory, and how to do the tasks
// of Missing by hand.
func (d Directory) Remedy() string {
	files := ""
	if !d.within {
		files = "remove old files, finish unfinished ones with spool repair FILE, and then "
	}
	return "record to mp4.record_path, or do by hand what is missing: " + files +
		"run spool reindex --record-path DIR --set database/dsn=DSN, with the DSN of this recorder's database and without node.name"
}

// Warnings returns a problem for each unmanaged directory of a configuration, at the setting that names
// it.
func Warnings(cfg *configs.Config) (warnings config.Problems) {
	for _, d := range Directories(cfg) {
		warnings.Add(d.At, d.Remedy(), "%s", d.Cause())
	}
	return warnings
}
