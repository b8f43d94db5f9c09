package declared

import (
	"github.com/gospool/spool/cmd/spool/server/unmanaged"
	"github.com/gospool/spool/configs"
)

// logUnmanaged logs the unmanaged record directories (see package unmanaged) of the pipelines made by
// API. It leaves out those that the configuration before, which may be nil, has, too. For the pipelines
// of the configuration file there are warnings instead.
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
