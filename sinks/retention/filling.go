package retention

import "time"

// filling measures how fast a disk fills between looks.
type filling struct {
	used int64 // at the last look, less what was deleted since
	at   time.Time
}

// ahead is what the disk may fill by until the look after the next one. A first
// look, or one that comes after a long pause, knows nothing.
func (f *filling) ahead(s Space, now time.Time) int64 {
	passed := now.Sub(f.at)
	grown := s.Used() - f.used
	known := !f.at.IsZero() && passed > 0 && passed < 30*lookEvery
	f.used, f.at = s.Used(), now
	if !known || grown <= 0 {
		return 0
	}
	perLook := float64(grown) / max(passed.Seconds()/lookEvery.Seconds(), 1)
	return min(int64(2*perLook), margin(s.Total))
}

// freed tells that room was made since the last look.
func (f *filling) freed(s Space) { f.used = s.Used() }
