package configs

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// Events bounds events, and sets how long they are listed.
type Events struct {
	MaxBefore         config.Duration `yaml:"max_before" doc:"Most media from before its trigger that a request gets. The answer to a request for more names this limit."`
	MaxProtectBytes   config.Size     `yaml:"max_protect_bytes" doc:"Most bytes that one event protects from deletion, the files nearest to its trigger first. The other files name the event without protection. 0 is no limit."`
	MaxProtectPercent int             `yaml:"max_protect_percent" doc:"Events protect no further files while protected recordings take this share of the disk; 0 is no limit. Protection by hand is not limited."`
	Wait              config.Duration `yaml:"wait" doc:"How long an event waits for the first picture of a stream that is announced, configured or armed; a request may override it."`
	Keep              config.Duration `yaml:"keep" doc:"How long an event is listed after the deletion of its recordings; until then it always is. 0 is for ever."`
}

// Check returns problems for times, sizes and percentages out of range.
func (e Events) Check() config.Problems {
	var c checks
	c.between("max_before", e.MaxBefore, time.Second, 24*time.Hour)
	c.smallest("max_protect_bytes", e.MaxProtectBytes)
	c.want(e.MaxProtectPercent >= 0 && e.MaxProtectPercent <= 100, "max_protect_percent", fmt.Sprintf("%d is not a percentage from 0 to 100", e.MaxProtectPercent), "0 is no limit; else 1 to 100")
	c.between("wait", e.Wait, 0, time.Hour)
	c.want(e.Keep == 0 || e.Keep.D() >= time.Minute, "keep", fmt.Sprintf("%s is too short", e.Keep), "0 is for ever; else at least 1m, for example 8760h: a year")
	return c.problems
}
