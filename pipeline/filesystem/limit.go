package filesystem

import (
	"fmt"
	"math"
)

// Exceeds reports whether a limit, in bytes, is at least the size of the disk. The disk can then never reach
// the limit, neither with its used nor with its free bytes.
func (c Capacity) Exceeds(limit int64) bool { return limit > 0 && limit >= c.UsableBytes }

// ExceedsText returns the message for a limit that Exceeds. setting is the name of the limit, dir a directory
// on the disk.
func (c Capacity) ExceedsText(setting string, limit int64, dir string) string {
	return fmt.Sprintf("%s %s is more than the disk of %s has (%s)", setting, size(limit), dir, size(c.UsableBytes))
}

// size returns a number of bytes in a form for people: a whole number of a binary or decimal unit if that is
// short, else rounded to a binary unit.
func size(bytes int64) string {
	const short = 10000
	best, name := bytes, "B"
	for _, u := range sizeUnits {
		if n := bytes / u.bytes; n > 0 && bytes%u.bytes == 0 && n < best {
			best, name = n, u.name
		}
	}
	if best < short {
		return fmt.Sprintf("%d %s", best, name)
	}
	for _, u := range sizeUnits {
		if f := float64(bytes) / float64(u.bytes); f >= 10 {
			return fmt.Sprintf("%.0f %s", math.Round(f), u.name)
		} else if f >= 1 {
			return fmt.Sprintf("%.1f %s", f, u.name)
		}
	}
	return fmt.Sprintf("%d B", bytes)
}

// sizeUnits lists the binary units before the decimal ones, the largest first. A rounded size uses the first
// unit that fits.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
}
