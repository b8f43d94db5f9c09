package yardstick

import (
	"errors"
	"os"
)

// ForgetPages writes a file's dirty pages to the disk and drops all of its pages from the page cache. On other systems than Linux it
// returns errors.ErrUnsupported.
func ForgetPages(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if err == nil {
		err = dropPages(f)
	}
	return errors.Join(err, f.Close())
}
