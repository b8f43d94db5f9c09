package filesystem

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ReadAtMost reads a file of at most most bytes. It returns an error for a larger file, of which it reads only one
// byte more: another file may have taken the place of spool's own.
func ReadAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, most)
}

// ReadRegular reads a file as ReadAtMost does, for a name that a user chose. It returns an error for a file
// that is not regular before it opens the file, because opening a named pipe may block for ever.
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

// ReadAtMost reads a file of at most most bytes, with the checks that Own describes.
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
