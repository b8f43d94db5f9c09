package configs

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// Retention sets when retention deletes recordings, in addition to mp4.expire_days and mp4.disk_max_percent. It
// deletes no recording that is protected, being written or being read.
type Retention struct {
	MaxBytes     config.Size     `yaml:"max_bytes" doc:"Largest total size of recordings; 0 is no limit."`
	MinFreeBytes config.Size     `yaml:"min_free_bytes" doc:"Space that stays free on the disk; 0 is no limit."`
	KeepAtLeast  config.Duration `yaml:"keep_at_least" doc:"Younger recordings are never deleted, however full the disk is: recording stops instead."`
	MassExpiry   string          `yaml:"mass_expiry" oneof:"wait confirm allow" doc:"Handling of a mass expiry: more than a day of a stream, or a tenth of all recordings, expires at once, for example after a start with a wrong clock, after weeks without power, or with a shorter expire_days. wait: they are deleted when the recorder has run for a day with the same clock; confirm: after POST /mp4/retention/confirm; allow: at once."`
	KeepLost     config.Duration `yaml:"keep_lost" doc:"How long a recording with a lost file stays listed, unless it is protected; 0 is for ever."`
}

// StreamRetention sets when the recordings of one stream are deleted.
type StreamRetention struct {
	ExpireDays   int             `yaml:"expire_days,omitempty" doc:"Replaces mp4.expire_days; 0 takes mp4.expire_days, -1 is never."`
	MaxBytes     config.Size     `yaml:"max_bytes,omitempty" doc:"Largest total size of this stream's recordings; 0 is no limit."`
	MinFreeBytes config.Size     `yaml:"min_free_bytes,omitempty" doc:"This stream's recordings are deleted when less space is free on the disk; 0 is no limit."`
	KeepAtLeast  config.Duration `yaml:"keep_at_least,omitempty" doc:"Replaces retention.keep_at_least; 0 takes retention.keep_at_least."`
}

// maxExpireDays is a century, in days. A longer time is a mistake.
const maxExpireDays = 36525

// Check returns problems for sizes below 1 MiB and for a keep_lost below a minute; 0 is valid.
func (r Retention) Check() config.Problems {
	var c checks
	c.smallest("max_bytes", r.MaxBytes)
	c.smallest("min_free_bytes", r.MinFreeBytes)
	c.want(r.KeepLost == 0 || r.KeepLost.D() >= time.Minute, "keep_lost", fmt.Sprintf("%s is too short", r.KeepLost), "0 is for ever; else at least 1m")
	return c.problems
}

// Check returns problems for an expire_days below -1 or above a century, and for sizes below 1 MiB other than 0.
func (r StreamRetention) Check() config.Problems {
	var c checks
	c.want(r.ExpireDays >= -1 && r.ExpireDays <= maxExpireDays, "expire_days", fmt.Sprintf("%d is out of range", r.ExpireDays),
		fmt.Sprintf("1 to %d; 0 takes mp4.expire_days, -1 is never", maxExpireDays))
	c.smallest("max_bytes", r.MaxBytes)
	c.smallest("min_free_bytes", r.MinFreeBytes)
	return c.problems
}

func (c *checks) smallest(key string, s config.Size) {
	c.want(s == 0 || s >= 1<<20, key, fmt.Sprintf("%s is too small", s), "0 is no limit; else at least 1MiB")
}

// exampleRetention is the example in reference.yaml.
var exampleRetention = StreamRetention{ExpireDays: 90, MaxBytes: 500 << 30, MinFreeBytes: 1 << 30, KeepAtLeast: config.Duration(24 * time.Hour)}
