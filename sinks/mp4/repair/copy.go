package repair

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// copyPlan describes a repaired copy: the first lengthBytes of the damaged file, changed by the
// patches, and the tail behind them.
type copyPlan struct {
	lengthBytes int64
	patches     []patch
	tail        []byte
}

// patch overwrites bytes of the copy at an offset.
type patch struct {
	at int64
	b  []byte
}

// same reports whether the copy would equal the damaged file, which has size bytes. The file is
// then undamaged and needs no copy.
func (c *copyPlan) same(size int64) bool {
	return c.lengthBytes == size && len(c.patches) == 0 && len(c.tail) == 0
}

// write writes the repaired copy under a hidden name, checks and syncs it, and renames it to the
// first free name (copyName), which it returns. After an error before the rename it removes the
// copy. name is the name of the damaged file.
func (x *damagedFile) write(fsys disk.FS, name string) (string, error) {
	hiddenName := path.Join(path.Dir(name), "."+path.Base(copyName(name, 0))+media.PartSuffix)
	out, err := fsys.Create(hiddenName)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s exists: an earlier repair was interrupted; remove it and try again", hiddenName)
	}
	if err != nil {
		return "", disk.NewError("create", hiddenName, 0, err)
	}
	defer out.Close()
	if _, dry := out.(*dryFile); !dry {
		if err = x.fill(out); err == nil {
			err = x.prove(out)
		}
	}
	if err == nil {
		err = out.Sync()
	}
	final := ""
	for n := 0; err == nil; n++ {
		final = copyName(name, n)
		if err = fsys.Rename(hiddenName, final); err == nil {
			return final, fsys.SyncDir(path.Dir(name))
		}
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if !errors.Is(err, ErrBeyondHelp) {
		err = disk.NewError("write repaired copy", hiddenName, 0, err)
	}
	return "", errors.Join(err, fsys.Remove(hiddenName))
}

// prove inspects out, the written copy, as a repair inspects a damaged file. It returns an error
// if it finds damage.
func (x *damagedFile) prove(out disk.File) error {
	size, err := out.Size()
	if err != nil {
		return err
	}
	again := newDamagedFile(out, size)
	if err := again.inspect(); err != nil {
		return fmt.Errorf("the repaired copy is no better: %w", err)
	}
	if !again.plan.same(size) {
		return fmt.Errorf("the repaired copy is still damaged: %w", ErrBeyondHelp)
	}
	return nil
}

func (x *damagedFile) fill(out disk.File) error {
	b := make([]byte, blockBytes)
	for at := int64(0); at < x.plan.lengthBytes; {
		n := min(int64(len(b)), x.plan.lengthBytes-at)
		if _, err := x.f.ReadAt(b[:n], at); err != nil {
			return fmt.Errorf("read at byte %d: %w", at, err)
		}
		if _, err := out.WriteAt(b[:n], at); err != nil {
			return err
		}
		at += n
	}
	for _, p := range x.plan.patches {
		if _, err := out.WriteAt(p.b, p.at); err != nil {
			return err
		}
	}
	if len(x.plan.tail) == 0 {
		return nil
	}
	_, err := out.WriteAt(x.plan.tail, x.plan.lengthBytes)
	return err
}
