package configs

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// Egress holds the settings for clients that read streams while they come in.
type Egress struct {
	Enable     bool `yaml:"enable" doc:"Clients may read streams: over HTTP, and at the servers of ingest, where its auth has users or http.auth has none. The newest GOP of every stream is then kept in memory, so that a client begins with a picture at once."`
	MaxReaders int  `yaml:"max_readers" doc:"Most clients of each protocol at once; 0 is no limit."`

	Window config.Duration `yaml:"window" doc:"Media that the playlist of a live stream lists: the default of the stage live."`
}

// Check returns the problems of the settings.
func (e *Egress) Check() config.Problems {
	var c checks
	c.want(e.MaxReaders >= 0, "max_readers", fmt.Sprintf("%d is negative", e.MaxReaders), "0 is no limit")
	c.between("window", e.Window, 5*time.Second, 12*time.Hour)
	return c.problems
}
