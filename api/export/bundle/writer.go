package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// writer makes the files of an export, and lists them.
type writer struct {
	ctx      context.Context
	to       Target
	progress func(bytes int)
	made     []Written
}

// file returns a file that its first use creates.
func (w *writer) file(name string) *outFile { return &outFile{w: w, name: name, hash: sha256.New()} }

// bytes makes a whole file.
func (w *writer) bytes(name string, text []byte) error {
	f := w.file(name)
	_, err := f.Write(text)
	return errors.Join(err, f.Close())
}

// outFile is a file of the target. Its Close lists it in writer.made.
type outFile struct {
	w     *writer
	name  string
	out   io.WriteCloser
	hash  hash.Hash
	bytes int64
}

// open creates the file, unless that is done.
func (f *outFile) open() (err error) {
	if f.out == nil {
		f.out, err = f.w.to.Create(f.name)
	}
	return err
}

// Write implements io.Writer.
func (f *outFile) Write(p []byte) (int, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	n, err := f.out.Write(p)
	f.hash.Write(p[:n])
	f.bytes += int64(n)
	return n, err
}

// Close implements io.Closer.
func (f *outFile) Close() error {
	if f.out == nil {
		return nil
	}
	f.w.made = append(f.w.made, Written{f.name, f.bytes, fmt.Sprintf("%x", f.hash.Sum(nil))})
	return f.out.Close()
}

// lazily is a file of an archive, which its first byte begins: a stream whose footage fails leaves none.
type lazily struct {
	create func() (io.Writer, error)
	out    io.Writer
}

// Write implements io.Writer.
func (l *lazily) Write(p []byte) (n int, err error) {
	if l.out == nil {
		if l.out, err = l.create(); err != nil {
			return 0, err
		}
	}
	return l.out.Write(p)
}

// Close implements io.Closer and does nothing: the next file ends this one.
func (l *lazily) Close() error { return nil }
