package playback

import (
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// checkedFor is the time for which a check of a file counts.
const checkedFor = time.Second

// maxChecked bounds the checks that are kept.
const maxChecked = 256

// Checked keeps, for a second, which files were found to be in the catalogue, so that a player, which sends many requests for ranges of one
// file, does not ask the catalogue each time. So the removal of a row alone shows a second late, and that of the file at
// once. The zero value is ready. It is safe for concurrent use.
type Checked struct {
	mu    sync.Mutex // guards files
	files map[checkedName]checked
}

// checkedName is a name with the recording that it must belong to; the zero ID: any.
type checkedName struct {
	name string
	id   media.ID
}

type checked struct {
	file fs.FileInfo
	at   time.Time
}

// Has reports whether an open file was added with this name and ID in the last second before now, and has not changed since.
func (c *Checked) Has(name string, id media.ID, file fs.FileInfo, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, ok := c.files[checkedName{name, id}]
	passed := now.Sub(was.at)
	return ok && passed >= 0 && passed < checkedFor && os.SameFile(was.file, file) && was.file.Size() == file.Size() && was.file.ModTime().Equal(file.ModTime())
}

// Add keeps that an open file with this name was found to be right at the time at which its check began.
func (c *Checked) Add(name string, id media.ID, file fs.FileInfo, began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.files) >= maxChecked || c.files == nil {
		c.files = map[checkedName]checked{}
	}
	c.files[checkedName{name, id}] = checked{file, began}
}
