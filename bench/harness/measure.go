package harness

import (
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gospool/spool/bench/yardstick"
)

// timed returns the elapsed time and the CPU time of work.
func timed(work func() error) (wall, cpu time.Duration, err error) {
	began, from := time.Now(), yardstick.CPUTime()
	err = work()
	return time.Since(began), yardstick.CPUTime() - from, err
}

// readOnce reads a file to its end.
func readOnce(path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return err
}

// single returns the path of the file in a directory whose name has a suffix. It returns an error unless there is
// exactly one.
func single(dir, suffix string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(found) != 1 {
		return "", os.ErrNotExist
	}
	return found[0], nil
}
