package retention

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/retained"
)

// forecast sets p.FullAt to the time at which the disk reaches p.HighBytes, or is full if there is
// no such limit, at the rate p.BytesPerDay. It leaves FullAt zero if the rate is 0 or less, or if
// the time is 100 years ahead or more.
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
