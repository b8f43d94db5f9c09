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

// Found is the kind of a file.
type Found string

// The kinds of files. Ours is finished in place; of the others File makes a repaired copy and
// does not change the original.
const (
	Ours       Found = "spool"
	Fragmented Found = "fragmented"
	Hybrid     Found = "hybrid without its moov" // its header was overwritten (OBS, ffmpeg)
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
	LostBytes int64
	Reason    string // the cause of the loss
}

// File repairs a file of another program: it writes a copy with its undamaged media beside it,
// NAME.repaired.mp4, and never changes the file. It deletes a copy that is still damaged. It
// returns ErrBeyondHelp if there is nothing to copy.
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

// copyName returns the name of the n-th repaired copy of a file.
func copyName(name string, n int) string {
	stem := strings.TrimSuffix(name, media.PartSuffix)
	stem = strings.TrimSuffix(stem, path.Ext(stem))
	if n > 0 {
		return fmt.Sprintf("%s.repaired_%d.mp4", stem, n+1)
	}
	return stem + ".repaired.mp4"
}
