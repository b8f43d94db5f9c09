package declared

import (
	"github.com/gospool/spool/cmd/spool/server/unmanaged"
	"github.com/gospool/spool/configs"
)

// logUnmanaged logs which record directories of pipelines made by API are not managed,
// but for those that before, which may be nil, has too. The warnings of the file name its own.
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
