package retention

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/retained"
)

// forecast sets p.FullAt: when the disk reaches its limit, or is full without one, at the rate
// p.BytesPerDay. It leaves FullAt zero if the rate is 0 or that lies more than 100 years ahead.
func forecast(p *retained.Plan) {
	full := cmp.Or(p.HighBytes, p.DiskBytes)
	if p.BytesPerDay <= 0 {
		return
	}
	days := float64(max(full-p.UsedBytes, 0)) / float64(p.BytesPerDay)
	if days < 100*365 {
		p.FullAt = p.At.Add(time.Duration(days * float64(day)))
	}
}
