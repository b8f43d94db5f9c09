// Package bytesize formats numbers of bytes for people. The exact form, which a configuration
// accepts, is that of config.Size.
package bytesize

import (
	"fmt"
	"math"
)

// Text returns a number of bytes as people write it, such as 500 GB or 4.8 GiB. If a binary or decimal
// unit gives a whole number of at most four digits, it uses the unit with the smallest such number.
// Otherwise it rounds to the largest binary unit that gives at least 1.
func Text(bytes int64) string {
	const short = 10000
	best, name := bytes, "B"
	for _, u := range units {
		if n := bytes / u.bytes; n > 0 && bytes%u.bytes == 0 && n < best {
			best, name = n, u.name
		}
	}
	if best < short {
		return fmt.Sprintf("%d %s", best, name)
	}
	for _, u := range units {
		if f := float64(bytes) / float64(u.bytes); f >= 10 {
			return fmt.Sprintf("%.0f %s", math.Round(f), u.name)
		} else if f >= 1 {
			return fmt.Sprintf("%.1f %s", f, u.name)
		}
	}
	return fmt.Sprintf("%d B", bytes)
}

// units lists the binary units before the decimal ones, the largest first. A rounded size uses the
// first unit that fits.
var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
}
