package declared

import (
	"github.com/gospool/spool/cmd/spool/server/unmanaged"
	"github.com/gospool/spool/configs"
)

// logUnmanaged logs a warning for each unmanaged record directory (see package unmanaged) of a pipeline
// made by API that runs in now. It leaves out the directories of before, the previous configuration,
// which may be nil. The check of the configuration has warned of the directories of the file's
// pipelines: see unmanaged.Warnings.
func (p *Set) logUnmanaged(before *configs.Config, now State) {
	said := map[string]bool{}
	if before != nil {
		for _, d := range unmanaged.Directories(before) {
			said[d.Cause()] = true
		}
	}
	for _, d := range unmanaged.Directories(now.All) {
		if now.own[d.Pipeline] != nil && !said[d.Cause()] {
			p.log.Warn("a record directory is not managed", "pipeline", d.Pipeline, "directory", d.Path, "missing", d.Missing(), "remedy", d.Remedy())
		}
	}
}
