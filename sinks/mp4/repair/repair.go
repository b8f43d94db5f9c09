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

// Found is what a file was found to be.
type Found string

// What files are found to be. The first is one of this program's, which is finished in
// place; of the others a repaired copy is made and the file is not touched.
const (
	Ours       Found = "spool"
	Fragmented Found = "fragmented"
	Hybrid     Found = "hybrid without its moov" // a flipped one (OBS, ffmpeg)
	Plain      Found = "plain"
)

// ErrBeyondHelp says that a file holds nothing that can be brought back. It is
// left as it is.
var ErrBeyondHelp = errors.New("nothing in the file can be brought back; it is left as it is")

// Result says what became of one file.
type Result struct {
	Found     Found
	Copy      string        // name of the repaired copy, below the directory; empty where there is none
	Whole     bool          // nothing was wrong with the file, and nothing was done
	Kept      time.Duration // media that is kept
	Lost      time.Duration // media that was in the file and could not be kept; where its length is not told, an estimate by size
	LostBytes int64
	Reason    string // why something was lost
}

// File repairs a file of another program: it makes a copy of what is whole in it beside
// it, NAME.repaired.mp4, and never changes the file. A copy in which anything is still
// wrong is not kept. ErrBeyondHelp: there is nothing to copy.
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
	if x.result.Whole = x.plan.same(x.size); x.result.Whole {
		return x.result, nil
	}
	x.result.LostBytes += max(x.size-x.plan.length, 0)
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
