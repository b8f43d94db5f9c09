package filesystem

import (
	"fmt"

	"github.com/gospool/spool/pipeline/bytesize"
)

// Exceeds reports whether a limit, in bytes, is at least the size of the disk. The disk can then never reach
// the limit, neither with its used nor with its free bytes.
func (c Capacity) Exceeds(limit int64) bool { return limit > 0 && limit >= c.UsableBytes }

// ExceedsText returns the message for a limit, in bytes, for which Exceeds returns true. setting is the name of
// the limit, dir a directory on the disk.
func (c Capacity) ExceedsText(setting string, limit int64, dir string) string {
	return fmt.Sprintf("%s %s is more than the disk of %s has (%s)", setting, bytesize.Text(limit), dir, bytesize.Text(c.UsableBytes))
}
