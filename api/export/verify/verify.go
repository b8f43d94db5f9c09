package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/api/export/manifest"
)

// Options holds what a check needs beside the export.
type Options struct {
	Key      manifest.PublicKey              // the recorder's key; nil: any key may have signed
	Progress func(doneBytes, allBytes int64) // is called as files are read; nil: it is not
}

// Report is the result of a check.
type Report struct {
	Path        string             // of the archive or the manifest
	Manifest    *manifest.Manifest // nil if it cannot be read
	Files       int                // files that were compared
	Bytes       int64              // their bytes
	Differences []string           // a text for each; empty: nothing has changed
}

// differ adds a difference.
func (r *Report) differ(format string, args ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// Path checks an export: an archive, a manifest, a file with its manifest beside it, or a directory with one or
// more of these manifests. It returns a report for each manifest. The error says why nothing could be checked.
func Path(ctx context.Context, path string, o Options) ([]Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if info.IsDir() {
		return directory(ctx, path, o)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	zipped, err := isArchive(path)
	if err != nil {
		return nil, err
	}
	var r Report
	if zipped {
		r, err = archive(ctx, path, o)
	} else if isManifest(path) {
		r, err = beside(ctx, path, o, false)
	} else {
		r, err = ofFile(ctx, path, o)
	}
	return []Report{r}, err
}

func isManifest(name string) bool {
	return filepath.Base(name) == manifest.FileName || strings.HasSuffix(name, "."+manifest.FileName)
}

// isArchive reports whether a file begins like a zip archive, or is named like one.
func isArchive(path string) (bool, error) {
	if strings.EqualFold(filepath.Ext(path), ".zip") {
		return true, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [4]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:]) == "PK\x03\x04", nil
}

// ofFile checks a file by the manifest beside it. The manifest must list the file.
func ofFile(ctx context.Context, path string, o Options) (Report, error) {
	name := strings.TrimSuffix(path, filepath.Ext(path)) + "." + manifest.FileName
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return Report{}, fmt.Errorf("%s has no manifest: %s is missing", path, name)
	}
	r, err := beside(ctx, name, o, false)
	if err == nil && r.Manifest != nil && r.find(filepath.Base(path)) == nil {
		r.differ("%s is not in the manifest %s", filepath.Base(path), filepath.Base(name))
	}
	return r, err
}

func (r *Report) find(name string) *manifest.File {
	for i := range r.Manifest.Files {
		if r.Manifest.Files[i].Name == name {
			return &r.Manifest.Files[i]
		}
	}
	return nil
}

// directory checks all manifests of a directory.
func directory(ctx context.Context, dir string, o Options) (all []Report, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		zipped := strings.EqualFold(filepath.Ext(path), ".zip")
		if e.IsDir() || !zipped && !isManifest(path) {
			continue
		}
		var r Report
		if zipped {
			r, err = archive(ctx, path, o)
		} else {
			r, err = beside(ctx, path, o, e.Name() == manifest.FileName)
		}
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has neither a manifest nor an archive of an export", dir)
	}
	return all, nil
}

// beside checks the files beside a manifest. With whole, the directory must have no other files: it is an archive
// that was unpacked.
func beside(ctx context.Context, path string, o Options, whole bool) (Report, error) {
	r := Report{Path: path}
	text, err := readSome(path, manifest.MaxBytes)
	if err != nil {
		return r, err
	}
	signature, err := readSome(path+manifest.SignatureSuffix, manifest.SignatureBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	r.signed(text, signature, o.Key)
	if r.Manifest == nil {
		return r, nil
	}
	dir := filepath.Dir(path)
	p := progress{all: r.bytes(), show: o.Progress}
	for i := range r.Manifest.Files {
		f := &r.Manifest.Files[i]
		in, err := openRegular(filepath.Join(dir, f.Name))
		if errors.Is(err, fs.ErrNotExist) {
			r.differ("%s is missing", f.Name)
			continue
		}
		if err == nil {
			err = errors.Join(r.compare(ctx, f, in, io.Discard, &p), in.Close())
		}
		if err != nil {
			return r, err
		}
	}
	if whole {
		return r, r.others(dir)
	}
	return r, nil
}

// others finds files in a directory that the manifest does not list.
func (r *Report) others(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if name := e.Name(); r.find(name) == nil && name != manifest.FileName && name != manifest.FileName+manifest.SignatureSuffix {
			r.differ("%s is not in the manifest", name)
		}
	}
	return err
}

// signed reads a manifest and checks its signature.
func (r *Report) signed(text, signature []byte, key manifest.PublicKey) {
	m, err := manifest.Parse(text)
	if err != nil {
		r.differ("%s: %v", manifest.FileName, err)
		return
	}
	r.Manifest = m
	switch by := manifest.PublicKey(m.Key.Public); {
	case len(signature) == 0:
		r.differ("the signature %s is missing", manifest.FileName+manifest.SignatureSuffix)
	case len(signature) != manifest.SignatureBytes || !by.Verify(text, signature):
		r.differ("the signature is not that of the manifest: one of the two was changed")
	case key != nil && key.ID() != by.ID():
		r.differ("the signature is not by the given key: it is by the key %s", by.ID())
	}
}

// bytes returns the bytes of all files of the manifest.
func (r *Report) bytes() (bytes int64) {
	for _, f := range r.Manifest.Files {
		bytes += f.SizeBytes
	}
	return bytes
}

// progress counts the bytes that were read.
type progress struct {
	done, all int64
	show      func(doneBytes, allBytes int64)
}

// Write implements io.Writer.
func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	p.show(p.done, p.all)
	return len(b), nil
}

// compare compares a file with its row of the manifest, and copies it to a writer.
func (r *Report) compare(ctx context.Context, f *manifest.File, in io.Reader, to io.Writer, p *progress) error {
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, p, to), &cancellable{ctx, in})
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	r.Files++
	r.Bytes += n
	switch got := fmt.Sprintf("%x", sum.Sum(nil)); {
	case n != f.SizeBytes:
		r.differ("%s has %d bytes, not %d", f.Name, n, f.SizeBytes)
	case got != f.SHA256:
		r.differ("%s was changed: its SHA-256 is %s, not %s", f.Name, got, f.SHA256)
	}
	return nil
}

// cancellable is a reader that ends with a context.
type cancellable struct {
	ctx context.Context
	in  io.Reader
}

// Read implements io.Reader.
func (c *cancellable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.in.Read(p)
}

// openRegular opens a file, and refuses what is none, such as a pipe that no program writes to.
func openRegular(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}

// readSome reads a file. Of a longer one than most bytes it returns one byte more.
func readSome(path string, most int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}
