package configs

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
)

// Retention is what is kept when room or time is up, beside mp4.expire_days and
// mp4.disk_max_percent. It never deletes what is protected, being written or
// being read.
type Retention struct {
	MaxBytes     config.Size     `yaml:"max_bytes" doc:"Most that recordings may take in all; 0 is no limit."`
	MinFreeBytes config.Size     `yaml:"min_free_bytes" doc:"What stays free on the disk; 0 is no limit."`
	KeepAtLeast  config.Duration `yaml:"keep_at_least" doc:"Younger recordings are never deleted, however full the disk: rather than that, recording stops."`
	MassExpiry   string          `yaml:"mass_expiry" oneof:"wait confirm allow" doc:"What becomes of recordings that expire at once, and are more than a day of a stream or a tenth of all: as after a start with a wrong clock, after weeks without power, or with a shorter expire_days. wait: they go when the recorder has run for a day with the same clock; confirm: when POST /mp4/retention/confirm says so; allow: at once."`
	KeepLost     config.Duration `yaml:"keep_lost" doc:"How long a recording whose file is lost stays listed, protected ones aside; 0 is for ever."`
}

// StreamRetention is that of one stream.
type StreamRetention struct {
	ExpireDays   int             `yaml:"expire_days,omitempty" doc:"In place of mp4.expire_days; 0 is as there, -1 is never."`
	MaxBytes     config.Size     `yaml:"max_bytes,omitempty" doc:"Most that this stream's recordings may take; 0 is no limit."`
	MinFreeBytes config.Size     `yaml:"min_free_bytes,omitempty" doc:"This stream's recordings go when less is free on the disk; 0 is no limit."`
	KeepAtLeast  config.Duration `yaml:"keep_at_least,omitempty" doc:"In place of retention.keep_at_least; 0 is as there."`
}

// maxExpireDays is a century: what is longer was not meant.
const maxExpireDays = 36525

// Check refuses what could not be kept.
func (r Retention) Check() config.Problems {
	var c checks
	c.smallest("max_bytes", r.MaxBytes)
	c.smallest("min_free_bytes", r.MinFreeBytes)
	c.want(r.KeepLost == 0 || r.KeepLost.D() >= time.Minute, "keep_lost", fmt.Sprintf("%s is too short to be seen", r.KeepLost), "0 is for ever; else at least 1m")
	return c.problems
}

// Check is Retention's, and knows -1 days.
func (r StreamRetention) Check() config.Problems {
	var c checks
	c.want(r.ExpireDays >= -1 && r.ExpireDays <= maxExpireDays, "expire_days", fmt.Sprintf("%d is out of range", r.ExpireDays),
		fmt.Sprintf("1 to %d; 0 is as mp4.expire_days, -1 is never", maxExpireDays))
	c.smallest("max_bytes", r.MaxBytes)
	c.smallest("min_free_bytes", r.MinFreeBytes)
	return c.problems
}

func (c *checks) smallest(key string, s config.Size) {
	c.want(s == 0 || s >= 1<<20, key, fmt.Sprintf("%s is too little", s), "0 is no limit; else at least 1MiB")
}

// exampleRetention is what reference.yaml shows.
var exampleRetention = StreamRetention{ExpireDays: 90, MaxBytes: 500 << 30, MinFreeBytes: 1 << 30, KeepAtLeast: config.Duration(24 * time.Hour)}
