//go:build !linux

package yardstick

import (
	"errors"
	"fmt"
	"os"
)

// dropPages returns errors.ErrUnsupported: only Linux is asked to drop the pages of a file.
func dropPages(*os.File) error {
	return fmt.Errorf("drop the file from the page cache: %w", errors.ErrUnsupported)
}
