package mp4

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// RepairOptions is how a file is to be repaired.
type RepairOptions struct {
	DryRun bool // nothing is written, and the report says what would be
	// Read is told of every n bytes that were read, where it is set.
	Read func(n int64)
}

// Found is what repair found a file to be.
type Found string

// What files are found to be. The first is one of ours, and is finished in
// place; of the others a repaired copy is made and the file is not touched.
const (
	FoundOurs       Found = "spool"
	FoundFragmented Found = "fragmented"
	FoundHybrid     Found = "hybrid without its moov" // a flipped one (OBS, ffmpeg)
	FoundPlain      Found = "plain"
)

// RepairAny repairs one file of any program. One of ours is finished in place,
// where nothing but what is proven to be damage is cut off; of a file of another
// program a copy is made beside it, NAME.repaired.mp4. ErrBeyondHelp says that
// nothing can be brought back, ErrOwned that somebody writes the file.
func RepairAny(ctx context.Context, file string, o RepairOptions) (Repaired, error) {
	file = disk.Absolute(file)
	if _, ours := disk.GrowingBytes(file); ours {
		return Repaired{}, fmt.Errorf("%s: %w", file, disk.ErrOwned)
	}
	disk, err := disk.Open(filepath.Dir(file))
	if err != nil {
		return Repaired{}, err
	}
	defer disk.Close()
	fsys := &repairFS{FS: disk, ctx: ctx, options: o}
	name := filepath.Base(file)
	r := repair(fsys, name)
	r.Found = FoundOurs
	if errors.Is(r.Err, ErrNotOurs) {
		r = repairForeign(fsys, name)
	}
	r.Kept = time.Duration(r.Recording.Duration)
	return r, r.Err
}

// repairFS is the disk as repair sees it: it counts what is read, ends with its
// context, and in a dry run takes every change and makes none.
type repairFS struct {
	disk.FS
	ctx     context.Context
	options RepairOptions
}

func (d *repairFS) Open(name string) (disk.File, error) { return d.wrap(d.FS.Open(name)) }

func (d *repairFS) OpenRead(name string) (disk.File, error) { return d.wrap(d.FS.OpenRead(name)) }

func (d *repairFS) Create(name string) (disk.File, error) {
	if d.options.DryRun {
		return &dryFile{}, nil
	}
	return d.wrap(d.FS.Create(name))
}

func (d *repairFS) wrap(f disk.File, err error) (disk.File, error) {
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

func (d *repairFS) Rename(from, to string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.Rename(from, to)
}

func (d *repairFS) Remove(name string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.Remove(name)
}

func (d *repairFS) RemoveDir(name string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.RemoveDir(name)
}

func (d *repairFS) SyncDir(name string) error {
	if d.options.DryRun {
		return nil
	}
	return d.FS.SyncDir(name)
}

// watchedFile tells of what is read. Repair spends its time there.
type watchedFile struct {
	disk.File
	disk *repairFS
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

// dryFile reads a file and changes nothing. Without one it takes what a new
// file would.
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

// repairedName is the name of the n-th repaired copy of a file.
func repairedName(name string, n int) string {
	stem := strings.TrimSuffix(name, media.PartSuffix)
	stem = strings.TrimSuffix(stem, filepath.Ext(stem))
	if n > 0 {
		return fmt.Sprintf("%s.repaired_%d.mp4", stem, n+1)
	}
	return stem + ".repaired.mp4"
}
