package repair

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// Found is the kind of a file, as a repair finds it: see the table in the package comment.
type Found string

// The kinds of files. A file of kind Ours, which spool wrote, is finished in place. Of a file of
// another kind, File makes a repaired copy and does not change the original.
const (
	Ours       Found = "spool"
	Fragmented Found = "fragmented"
	Hybrid     Found = "hybrid without its moov" // of OBS or ffmpeg, interrupted before the final moov
	Plain      Found = "plain"
)

// ErrBeyondHelp reports that nothing in a file can be recovered. The file is unchanged.
var ErrBeyondHelp = errors.New("nothing in the file can be recovered; it is unchanged")

// Result describes the repair of one file.
type Result struct {
	Found     Found
	Copy      string        // name of the repaired copy, below the directory; empty without a copy
	Whole     bool          // the file was undamaged and is unchanged
	Kept      time.Duration // duration of the kept media
	Lost      time.Duration // duration of the lost media; an estimate by size if unknown
	LostBytes int64         // bytes of lost fragments or chunks, and of the truncated end
	Reason    string        // the cause of the loss; empty without a loss
}

// File repairs the file of another program that has the given name in fsys. It never changes the
// file, but writes a copy of its undamaged media beside it, NAME.repaired.mp4. It makes no copy
// of an undamaged file (Result.Whole). It returns ErrBeyondHelp if there is no media to copy, or
// if the copy would still be damaged.
func File(fsys disk.FS, name string) (Result, error) {
	f, err := fsys.OpenRead(name)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", name, err)
	}
	x := newDamagedFile(f, size)
	if err := x.inspect(); err != nil {
		return x.result, fmt.Errorf("%s: %w", name, err)
	}
	if x.result.Whole = x.plan.same(x.sizeBytes); x.result.Whole {
		return x.result, nil
	}
	x.result.LostBytes += max(x.sizeBytes-x.plan.lengthBytes, 0)
	x.result.Copy, err = x.write(fsys, name)
	return x.result, err
}

// copyName returns the name of the n-th repaired copy of a file, counted from 0.
func copyName(name string, n int) string {
	stem := strings.TrimSuffix(name, media.PartSuffix)
	stem = strings.TrimSuffix(stem, path.Ext(stem))
	if n > 0 {
		return fmt.Sprintf("%s.repaired_%d.mp4", stem, n+1)
	}
	return stem + ".repaired.mp4"
}
