package file

import "fmt"

// claims compares the counts and sizes that the tables of a file claim with the size of the file. A table of a few
// bytes may claim any number of samples; without this check the reader would prepare all of them before it finds
// that the first one is missing.
type claims struct {
	fileBytes    int64 // size of the file
	units, bytes int64 // access units, and bytes of media, that the tables claim so far
}

// The bounds of the claims: least bytes of the file for each access unit, and most bytes of media for each byte of the
// file, because samples may share bytes.
const (
	leastUnit  = 4
	mostShared = 4
)

// add adds access units and bytes of media to the claims. It returns an error if the file is too small for all of them.
func (c *claims) add(units, bytes int64) error {
	c.units, c.bytes = c.units+units, c.bytes+bytes
	switch {
	case c.units > c.fileBytes/leastUnit+1:
		return fmt.Errorf("its tables claim %d access units, too many for a file of %d bytes: it is damaged", c.units, c.fileBytes)
	case c.bytes > c.fileBytes*mostShared:
		return fmt.Errorf("it claims %d bytes of media, the file has %d: it is cut off or damaged; "+
			"spool repair makes a copy of what is there", c.bytes, c.fileBytes)
	}
	return nil
}
