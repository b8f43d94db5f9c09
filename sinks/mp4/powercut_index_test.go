package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	samples "github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/powercut"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// indexesOn returns the sample indexes on a simulated disk.
func indexesOn(d *powercut.Disk) sampleindex.Store {
	return sampleindex.On(powercut.Files{Disk: d}, ".")
}

// foundFile is a recording on a simulated disk.
type foundFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f foundFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// reindex writes the index of a file that recovery finished, as recovery does on a real disk after
// recoverDir.
func reindex(d *powercut.Disk) error {
	name, b, err := only(d)
	if err != nil || name == "" || strings.HasSuffix(name, media.PartSuffix) {
		return err
	}
	id, err := media.ParseID(entryID(b))
	if err != nil {
		return err
	}
	info, err := d.Stat(name)
	if err != nil {
		return err
	}
	return indexesOn(d).Rebuild(foundFile{bytes.NewReader(b), info}, id)
}

// errIndex is wrapped by every error of a sample index.
var errIndex = errors.New("sample index")

// indexSyncs is the number of syncs of an index, which are the last ones: of the directory above its
// own, of its own, of its bytes and of its name.
const indexSyncs = 4

// noticed returns an error that proves that the n-th of the syncs is missing. An error of an index
// does not prove that a sync of the footage is missing.
func noticed(err error, n, syncs int) error {
	if n <= syncs-indexSyncs && errors.Is(err, errIndex) {
		return nil
	}
	return err
}

// checkIndex checks the sample index on a disk. It may be missing unless it is promised. An existing
// index must be that of a finished file and equal to one built from the file.
func checkIndex(d *powercut.Disk, promised bool) error {
	name, b, err := only(d)
	if err != nil {
		return err
	}
	ids, err := indexesOn(d).Recordings(10)
	if err != nil {
		return err
	}
	indexes := 0
	for _, id := range slices.Compact(ids) { // an index that is being written appears twice
		text, err := powercut.Files{Disk: d}.Read(indexFile(".", id))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was being written
		}
		if err != nil {
			return err
		}
		indexes++
		if _, form, err := openScan(&memoryFile{b}, name); err != nil || form != finished || strings.HasSuffix(name, media.PartSuffix) {
			return fmt.Errorf("%w: it is beside a file that is not finished: %q %v %v", errIndex, name, form, err)
		}
		want, err := sampleindex.Build(bytes.NewReader(b), samples.Source{Recording: id, Bytes: int64(len(b))})
		if err != nil {
			return err
		}
		if !bytes.Equal(want, text) || id.String() != entryID(b) {
			return fmt.Errorf("%w: %s is not that of %s", errIndex, filepath.Base(indexFile(".", id)), name)
		}
	}
	if promised && indexes != 1 {
		return fmt.Errorf("%w: there are %d beside a file that was told to be finished", errIndex, indexes)
	}
	return nil
}
