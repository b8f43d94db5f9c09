package retention

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/retained"
)

// forecast sets the time at which the disk reaches its mark.
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
