package configs

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// Exports bounds the exports of footage, and sets how long they are kept.
type Exports struct {
	Keep              config.Duration `yaml:"keep" doc:"How long an export is kept after it was made; 0 is for ever."`
	MaxCount          int             `yaml:"max_count" doc:"Most exports at once; one more is refused."`
	MaxRunning        int             `yaml:"max_running" doc:"Most exports that are made at once; further ones wait."`
	MaxBytesPerSecond config.Size     `yaml:"max_bytes_per_second" doc:"Most bytes a second that all exports together write, so that recordings get the disk first."`
}

// Check returns problems for values out of range.
func (e Exports) Check() config.Problems {
	var c checks
	c.want(e.Keep == 0 || e.Keep.D() >= time.Minute, "keep", fmt.Sprintf("%s is too short", e.Keep), "0 is for ever; else at least 1m, for example 168h: a week")
	c.want(e.MaxCount >= 1 && e.MaxCount <= 1000, "max_count", fmt.Sprintf("%d is out of range", e.MaxCount), "1 to 1000")
	c.want(e.MaxRunning >= 1 && e.MaxRunning <= 16, "max_running", fmt.Sprintf("%d is out of range", e.MaxRunning), "1 to 16")
	c.want(e.MaxBytesPerSecond >= 1<<16, "max_bytes_per_second", fmt.Sprintf("%s is too small", e.MaxBytesPerSecond), "at least 64KiB")
	return c.problems
}
