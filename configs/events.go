package configs

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// Events bounds what events may ask for, and how long they are remembered.
type Events struct {
	MaxBefore         config.Duration `yaml:"max_before" doc:"Most that a request may want from before its trigger; of more so much is given, and the answer says so."`
	MaxProtectBytes   config.Size     `yaml:"max_protect_bytes" doc:"Most that one event keeps from deletion, the files nearest to its trigger first; the others name it all the same. 0 is no limit."`
	MaxProtectPercent int             `yaml:"max_protect_percent" doc:"Events protect nothing more while protected recordings take this share of the disk; 0 is no limit. What is protected by hand is not bounded."`
	Wait              config.Duration `yaml:"wait" doc:"How long an event waits for the first picture of a stream that is announced, configured or armed; a request may say otherwise."`
	Keep              config.Duration `yaml:"keep" doc:"How long an event is listed after its footage is gone; until then it is anyway. 0 is for ever."`
}

// Check refuses bounds by which nothing could be an event.
func (e Events) Check() config.Problems {
	var c checks
	c.between("max_before", e.MaxBefore, time.Second, 24*time.Hour)
	c.smallest("max_protect_bytes", e.MaxProtectBytes)
	c.want(e.MaxProtectPercent >= 0 && e.MaxProtectPercent <= 100, "max_protect_percent", fmt.Sprintf("%d is no such share", e.MaxProtectPercent), "0 is no limit; else 1 to 100")
	c.between("wait", e.Wait, 0, time.Hour)
	c.want(e.Keep == 0 || e.Keep.D() >= time.Minute, "keep", fmt.Sprintf("%s is too short to be seen", e.Keep), "0 is for ever; else at least 1m, for example 8760h: a year")
	return c.problems
}
