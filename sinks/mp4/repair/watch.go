package repair

import (
	"context"

	"github.com/gospool/spool/sinks/mp4/disk"
)

// Options controls a repair.
type Options struct {
	DryRun bool // write nothing, and report what a repair would do
	// Read, if not nil, is called after each read with the number of bytes, for a progress bar.
	Read func(n int64)
}

// Watch wraps a disk for a repair. The FS that it returns passes the number of bytes of each
// read to o.Read, and fails reads with the cause of ctx once ctx has ended. With o.DryRun it
// accepts every change without making it.
func Watch(ctx context.Context, fsys disk.FS, o Options) disk.FS {
	return &watchedFS{FS: fsys, ctx: ctx, options: o}
}

type watchedFS struct {
	disk.FS
	ctx     context.Context
	options Options
}

func (d *watchedFS) Open(name string) (disk.File, error) { return d.wrap(d.FS.Open(name)) }

func (d *watchedFS) OpenRead(name string) (disk.File, error) { return d.wrap(d.FS.OpenRead(name)) }

func (d *watchedFS) Create(name string) (disk.File, error) {
	if d.options.DryRun {
		return &dryFile{}, nil
	}
	return d.wrap(d.FS.Create(name))
}

func (d *watchedFS) wrap(f disk.File, err error) (disk.File, error) {
	if err != nil {
		return nil, err
	}
	disk.ForgetCached(f)
	f = &watchedFile{File: f, disk: d}
	if d.options.DryRun {
		f = &dryFile{f}
	}
	return f, nil
}

func (d *watchedFS) Rename(from, to string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.Rename(from, to)
}

func (d *watchedFS) Remove(name string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.Remove(name)
}

func (d *watchedFS) RemoveDir(name string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.RemoveDir(name)
}

func (d *watchedFS) SyncDir(name string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.SyncDir(name)
}

// watchedFile is a file of a watchedFS. It passes the number of bytes of each read to
// Options.Read, since reads take most of the time of a repair. Once the context has ended, it
// fails reads with the cause.
type watchedFile struct {
	disk.File
	disk *watchedFS
}

func (f *watchedFile) ReadAt(b []byte, off int64) (int, error) {
	if f.disk.ctx.Err() != nil {
		return 0, context.Cause(f.disk.ctx)
	}
	n, err := f.File.ReadAt(b, off)
	if f.disk.options.Read != nil {
		f.disk.options.Read(int64(n))
	}
	return n, err
}

// dryFile is a file in a dry run: it discards all changes. For a new file, which is not created,
// File is nil.
type dryFile struct{ disk.File }

func (f *dryFile) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (f *dryFile) WritevAt(_ [][]byte, _ int64) error     { return nil }
func (f *dryFile) Truncate(int64) error                   { return nil }
func (f *dryFile) Datasync() error                        { return nil }
func (f *dryFile) Sync() error                            { return nil }
func (f *dryFile) Allocate(int64, int64) error            { return nil }
func (f *dryFile) Punch(int64, int64) error               { return nil }
func (f *dryFile) Close() error {
	if f.File == nil {
		return nil
	}
	return f.File.Close()
}
