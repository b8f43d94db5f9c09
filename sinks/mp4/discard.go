package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/repair"
)

// discard removes a file in which nothing was ever written that could be kept:
// one of ours that ends within its header, or one of zeros, which is what a power
// cut leaves where a size was made durable and the bytes were not.
func (r *Repaired) discard(fsys disk.FS, f disk.File, why error, reason string) {
	ours, err := begunByUs(f)
	switch {
	case err != nil:
		r.Err = err
	case ours:
		r.remove(fsys, reason)
	case errors.Is(why, isobmff.ErrEnd):
		r.Err = fmt.Errorf("%s: %w, and is not one of ours: %w", r.File, why, ErrNotOurs)
	default:
		r.Err = why
	}
}

// begunByUs tells whether what there is of a file is the beginning of our ftyp
// and ends before the first chunk, or zeros.
func begunByUs(f disk.File) (bool, error) {
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	b := make([]byte, min(size, scanBlock))
	for at := int64(0); at < size; at += int64(len(b)) {
		b = b[:min(size-at, int64(len(b)))]
		if _, err := f.ReadAt(b, at); err != nil {
			return false, fmt.Errorf("read at byte %d: %w", at, err)
		}
		if at == 0 {
			if size <= 4 {
				return true, nil
			}
			n := min(len(b)-4, len(ftypOurs))
			if string(b[4:4+n]) == ftypOurs[:n] {
				_, _, err := openScan(f, "")
				return errors.Is(err, isobmff.ErrEnd), nil
			}
		}
		if len(bytes.Trim(b, "\x00")) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// remove deletes a file that held nothing. One under a finished file's name is
// somebody's, and stays.
func (r *Repaired) remove(fsys disk.FS, reason string) {
	r.Reason = reason
	if !strings.HasSuffix(r.File, media.PartSuffix) {
		r.Err = fmt.Errorf("%s: %s: %w", r.File, reason, repair.ErrBeyondHelp)
		return
	}
	if r.Err = fsys.Remove(r.File); r.Err == nil {
		r.Removed = true
		r.Err = fsys.SyncDir(path.Dir(r.File))
		disk.Prune(fsys, r.File)
	}
}
