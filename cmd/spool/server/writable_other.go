//go:build !linux

package server

import (
	"errors"
	"math"
)

// descriptors returns errors.ErrUnsupported: only Linux lists the open files of a process, and Windows does not bound
// them. A file that cannot be opened for the lack of a descriptor is reported when that happens.
func descriptors() (left, most int, err error) {
	return math.MaxInt, math.MaxInt, errors.ErrUnsupported
}
