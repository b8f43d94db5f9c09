package file

import "fmt"

// claims are what a file says that it holds, against its size. A table of a few bytes
// may say anything, and all that follows would be done before the first sample turns
// out to be missing.
type claims struct {
	size         int64 // of the file
	units, bytes int64
}

// The least that an access unit takes of a file, and how often samples may lie on the
// same bytes.
const (
	leastUnit  = 4
	mostShared = 4
)

func (c *claims) add(units, bytes int64) error {
	c.units, c.bytes = c.units+units, c.bytes+bytes
	switch {
	case c.units > c.size/leastUnit+1:
		return fmt.Errorf("it claims %d access units, which a file of %d bytes has no room for: it is damaged", c.units, c.size)
	case c.bytes > c.size*mostShared:
		return fmt.Errorf("it claims %d bytes of media, the file has %d: it is cut off or damaged; "+
			"spool repair makes a copy of what is there", c.bytes, c.size)
	}
	return nil
}
