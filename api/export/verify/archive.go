package verify

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/manifest"
)

// archive checks a zip archive.
func archive(ctx context.Context, path string, o Options) (Report, error) {
	r := Report{Path: path}
	f, err := openRegular(path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	z, err := zip.NewReader(f, info.Size())
	switch system := (*os.PathError)(nil); {
	case errors.As(err, &system):
		return r, err
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		r.differ("%s is not a whole zip archive: %v", filepath.Base(path), err)
		return r, nil
	}
	entries := r.entries(z.File)
	text, err := entries.read(manifest.FileName, manifest.MaxBytes)
	if err != nil {
		r.differ("%v", err)
		return r, nil
	}
	signature, err := entries.read(manifest.FileName+manifest.SignatureSuffix, manifest.SignatureBytes)
	if err != nil {
		r.differ("%v", err)
	}
	if r.signed(text, signature, o.Key); r.Manifest == nil {
		return r, nil
	}
	return r, r.contents(ctx, entries, f, info.Size(), text, signature, o)
}

// contents compares the files of an archive with the manifest, and its bytes with those that package bundle would
// write.
func (r *Report) contents(ctx context.Context, entries entries, f io.ReaderAt, size int64, text, signature []byte, o Options) error {
	p := progress{all: r.bytes(), show: o.Progress}
	want := &comparison{with: f, first: -1}
	again := bundle.NewArchive(want, r.Manifest.Created)
	for i := range r.Manifest.Files {
		file := &r.Manifest.Files[i]
		in, err := entries.open(file.Name)
		if err != nil {
			r.differ("%v", err)
			continue
		}
		to, err := again.Create(file.Name)
		if err == nil {
			err = r.compare(ctx, file, in, to, &p)
		}
		if err != nil {
			return err
		}
	}
	for _, last := range []struct {
		name string
		text []byte
	}{{manifest.FileName, text}, {manifest.FileName + manifest.SignatureSuffix, signature}} {
		to, err := again.Create(last.name)
		if err == nil {
			_, err = to.Write(last.text)
		}
		if err != nil {
			return err
		}
	}
	for name := range entries {
		if name != manifest.FileName && name != manifest.FileName+manifest.SignatureSuffix && r.find(name) == nil {
			r.differ("%q is not in the manifest", name)
		}
	}
	if err := again.Close(); err != nil {
		return err
	}
	switch {
	case want.err != nil:
		return want.err
	case len(r.Differences) > 0: // they have changed the bytes of the archive
	case want.first >= 0:
		r.differ("the archive was changed at byte %d, outside of its files", want.first)
	case want.at != size:
		r.differ("the archive has %d bytes, not %d", size, want.at)
	}
	return nil
}

// entries holds the files of an archive by name.
type entries map[string]*zip.File

// entries returns the files of an archive. A difference is a name that is there twice, or a file that is compressed.
func (r *Report) entries(list []*zip.File) entries {
	out := entries{}
	for _, f := range list {
		switch {
		case out[f.Name] != nil:
			r.differ("%q is there twice", f.Name)
		case f.Method != zip.Store:
			r.differ("%q is compressed", f.Name)
		default:
			out[f.Name] = f
		}
	}
	return out
}

func (e entries) open(name string) (io.Reader, error) {
	f := e[name]
	if f == nil {
		return nil, fmt.Errorf("%s is missing", name)
	}
	in, err := f.OpenRaw()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read in the archive: %w", name, err)
	}
	return in, nil
}

// read returns a small file.
func (e entries) read(name string, most int64) ([]byte, error) {
	in, err := e.open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read in the archive: %w", name, err)
	}
	return text, nil
}

// comparison compares the bytes that are written to it with those of a file.
type comparison struct {
	with  io.ReaderAt
	at    int64
	first int64 // where the first difference is; -1: there is none
	err   error // of the disk
	buf   []byte
}

// Write implements io.Writer. It returns no error.
func (c *comparison) Write(p []byte) (int, error) {
	if len(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	if c.first < 0 && c.err == nil {
		n, err := c.with.ReadAt(c.buf[:len(p)], c.at)
		if err != nil && err != io.EOF {
			c.err = err
		}
		if got := c.buf[:n]; n < len(p) || !bytes.Equal(got, p) {
			same := 0
			for same < n && got[same] == p[same] {
				same++
			}
			c.first = c.at + int64(same)
		}
	}
	c.at += int64(len(p))
	return len(p), nil
}
