package filesystem

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ReadAtMost reads a file of at most most bytes. It refuses a larger file before it reads more of
// it into memory: anything may be in the place of a file of our own.
func ReadAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, most)
}

// ReadRegular is ReadAtMost for a name that is given from outside. It refuses what is no regular
// file before it opens it: opening a named pipe may wait for ever.
func ReadRegular(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	return ReadAtMost(name, most)
}

// ReadAtMost is ReadAtMost for a name below Top.
func (o Own) ReadAtMost(name string, most int64) ([]byte, error) {
	f, err := o.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, most)
}

func readAtMost(f *os.File, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, fmt.Errorf("%s has more than the %d bytes that are read of it", f.Name(), most)
	}
	return b, err
}
