package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// newFootage returns the store through which all code of the recorder changes the files and rows of
// recordings. dir is the record directory. deleted is called with the path of each file that the store
// has deleted by request; mistaken counts the files that belong to another recording than their row.
func newFootage(catalogue *metadata.Catalogue, dir string, clock pipeline.Clock, mistaken prometheus.Counter, deleted func(path string)) *footage.Store {
	return footage.New(footage.Options{
		Catalogue: rows{catalogue}, Index: catalogue, Files: files{dir}, Clock: clock,
		Deleted: deleted, Mistaken: mistaken.Inc,
	})
}

// rows passes changes of rows from package footage to the catalogue. A change that only the journal
// could not store counts as made: the catalogue has it in memory, and after a crash the next comparison
// with the disk restores it from the file.
type rows struct{ *metadata.Catalogue }

// taken returns nil for an error metadata.ErrNotDurable, and any other error as it is: see rows.
func taken(err error) error {
	if errors.Is(err, metadata.ErrNotDurable) {
		return nil
	}
	return err
}

// Put stores the row of a recording.
func (r rows) Put(ctx context.Context, rec media.Recording) error {
	return taken(r.Catalogue.Put(ctx, rec))
}

// PutEvents stores events, and that the recording rec has media of them.
func (r rows) PutEvents(ctx context.Context, rec media.Recording, events ...media.Event) error {
	return taken(r.Catalogue.PutEvents(ctx, rec, events...))
}

// SetProtected sets or clears the protection in the row of a recording, and returns the row.
func (r rows) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	rec, err := r.Catalogue.SetProtected(ctx, id, protected)
	return rec, taken(err)
}

// Delete deletes the row of a recording.
func (r rows) Delete(ctx context.Context, id media.ID) error {
	_, err := r.Catalogue.Delete(ctx, id)
	return taken(err)
}

// Forget deletes the rows of deleted files.
func (r rows) Forget(ctx context.Context, gone []media.DeletedFile) error {
	return taken(r.Catalogue.Forget(ctx, gone))
}

// files accesses the files of recordings below the record directory dir, for package footage. The
// argument path of its methods is a slash-separated path relative to dir. The methods follow no
// symbolic links below dir.
type files struct{ dir string }

// name returns the path of a file on this machine: below d.dir, with the separators of the operating
// system.
func (d files) name(path string) string { return filepath.Join(d.dir, filepath.FromSlash(path)) }

// Belongs returns an error unless a file is that of the recording id.
func (d files) Belongs(path string, id media.ID) error {
	f, err := d.open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return mp4.Belongs(sized{f}, path, id)
}

// Protected reports whether the recording id is protected, by its file or by the facts (see package
// facts) that are stored beside the file.
func (d files) Protected(path string, id media.ID) (bool, error) {
	f, err := d.open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return mp4.Protected(sized{f}, d.dir, path, id)
}

// open opens a file for reading. It does not wait for the writer of a FIFO. It returns an error for a
// directory.
func (d files) open(path string) (*os.File, error) {
	top, err := os.Open(d.dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	f, err := filesystem.OpenBelow(top, path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil, errors.Join(cmp.Or(err, filesystem.ErrNotBelow), f.Close())
	}
	return f, nil
}

// below returns an error unless a path names an existing file below the record directory. The path is
// not trusted, because it comes from a row that another program may have written.
func (d files) below(path string) error {
	f, err := d.open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// SetProtected sets or clears the protection of the recording id in the facts beside its file.
func (d files) SetProtected(path string, id media.ID, protected bool) error {
	if err := d.below(path); err != nil {
		return err
	}
	return mp4.SetProtected(d.name(path), id, protected)
}

// AddEvents adds events to the recording id in the facts beside its file.
func (d files) AddEvents(path string, id media.ID, events []media.Event) error {
	if err := d.below(path); err != nil {
		return err
	}
	return mp4.AddEvents(d.name(path), id, events)
}

// Remove deletes a file.
func (d files) Remove(path string) error { return disk.Remove(d.dir, path) }

// Forget deletes the facts and the sample index of a recording whose file was deleted.
func (d files) Forget(id media.ID) error { return mp4.Forget(d.dir, id) }

// errForeign is the error of files.KeyFrame for a file that does not belong to the recording.
var errForeign = errors.New("the file is not that of the recording")

// KeyFrame returns the time of the last key frame in the file of the recording id at or before the time at. Its error
// is errForeign, or that the file cannot be read. A file that has lost its .part name since its row was read is found by
// its final name.
func (d files) KeyFrame(path string, id media.ID, at time.Time) (key time.Time, err error) {
	var system syscall.Errno
	if err = d.Belongs(path, id); err == nil {
		key, err = mp4.KeyFrame(d.name(path), at)
	} else if !errors.As(err, &system) {
		return key, fmt.Errorf("%w: %w", errForeign, err)
	}
	if final, growing := strings.CutSuffix(path, media.PartSuffix); growing && errors.Is(err, fs.ErrNotExist) {
		return d.KeyFrame(final, id, at)
	}
	return key, err
}

// modified returns the modification time of a file.
func (d files) modified(path string) (time.Time, error) {
	f, err := d.open(path)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// newMistaken returns the counter for footage.Options.Mistaken.
func newMistaken() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "spool_files_mistaken_total",
		Help: "Times that a file was neither changed nor served because it belongs to another recording than its row, or names none."})
}

// sized adds to a file the method Size that package mp4 requires.
type sized struct{ *os.File }

// Size returns the size of the file in bytes.
func (f sized) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// known converts an error of the catalogue or of package footage to an *api.Error with a text for the
// client. It returns any other error as it is: the API does not show its text.
func known(err error) error {
	var (
		elsewhere *footage.ElsewhereError
		protected *footage.ProtectedError
		growing   *footage.GrowingError
		gone      *footage.GoneError
		busy      *footage.BusyError
		mistaken  *footage.MistakenError
	)
	switch {
	case errors.As(err, &elsewhere):
		return api.RecordedBy(elsewhere.Node)
	case errors.As(err, &protected):
		return api.Conflict("%v: PATCH it with {\"protected\":false} first", err)
	case errors.As(err, &growing):
		return api.Conflict("%v: stop stream %s first", err, growing.Stream)
	case errors.As(err, &gone):
		return api.Conflict("%v: spool reindex marks it lost", err)
	case errors.Is(err, footage.ErrUnsettled):
		return api.Unavailable("%v: the disk is slow; try again with the same key", err)
	case errors.Is(err, footage.ErrDegraded):
		return api.Unavailable("the catalogue's database does not answer: older footage is not marked; try again")
	case errors.As(err, &busy):
		return api.Unavailable("%v: try again", err)
	case errors.As(err, &mistaken) && errors.Is(err, mp4.ErrOtherRecording):
		return api.Conflict("%s is the file of another recording: spool reindex marks recording %s lost", mistaken.Path, mistaken.ID)
	case errors.As(err, &mistaken):
		return api.Conflict("%s does not name the recording that it belongs to and is left alone (%v):  "+
			"inspect it with spool repair --dry-run, or move it away and run spool reindex", mistaken.Path, mistaken.Err)
	case errors.Is(err, metadata.ErrNotFound):
		return api.NotFound("%v", metadata.ErrNotFound)
	case errors.Is(err, metadata.ErrOtherNode):
		return api.Conflict("%v", err)
	case errors.Is(err, metadata.ErrCursor), errors.Is(err, media.ErrQuery):
		return api.BadRequest("%v", err)
	case errors.Is(err, metadata.ErrJournalFull):
		return api.Unavailable("%v", metadata.ErrJournalFull)
	case errors.Is(err, metadata.ErrUnavailable):
		return api.Unavailable("the catalogue's database does not answer: try again")
	}
	return err
}
