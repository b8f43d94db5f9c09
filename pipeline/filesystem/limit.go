package filesystem

import (
	"fmt"
	"math"
)

// Exceeds reports whether a limit in bytes is at least the size of the disk: that much is never
// free, and never used.
func (c Capacity) Exceeds(limit int64) bool { return limit > 0 && limit >= c.UsableBytes }

// ExceedsText describes a limit that exceeds the disk of a directory; setting is its name.
func (c Capacity) ExceedsText(setting string, limit int64, dir string) string {
	return fmt.Sprintf("%s %s is more than the disk of %s has (%s)", setting, size(limit), dir, size(c.UsableBytes))
}

// size formats bytes as a person writes them: a whole number of a binary or decimal unit if
// there is a short one, else rounded.
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

// sizeUnits holds the binary units first, the largest at the front: rounded sizes use them.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
}
