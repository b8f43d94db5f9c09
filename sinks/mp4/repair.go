package mp4

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/repair"
)

// RepairAny repairs one file of any program. One of ours is finished in place,
// where nothing but what is proven to be damage is cut off; of a file of another
// program a copy is made beside it, NAME.repaired.mp4. repair.ErrBeyondHelp says that
// nothing can be brought back, disk.ErrOwned that the file is being written.
func RepairAny(ctx context.Context, file string, o repair.Options) (Repaired, error) {
	file = disk.Absolute(file)
	if _, ours := disk.GrowingBytes(file); ours {
		return Repaired{}, fmt.Errorf("%s: %w", file, disk.ErrOwned)
	}
	dir, err := disk.Open(filepath.Dir(file))
	if err != nil {
		return Repaired{}, err
	}
	defer dir.Close()
	fsys, name := repair.Watch(ctx, dir, o), filepath.Base(file)
	r := recoverFile(fsys, name)
	r.Result.Found, r.Kept = repair.Ours, time.Duration(r.Recording.Duration)
	if errors.Is(r.Err, ErrNotOurs) {
		r = Repaired{File: name}
		r.Result, r.Err = repair.File(fsys, name)
	}
	return r, r.Err
}
