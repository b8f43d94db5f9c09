package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

// What is done because of a row is done to a file only when the row is this
// recorder's and the file says of itself that it is the row's: see own and verify.
// A row of another recorder on the same database names a path below that one's
// directory, and what has the name here is another recording.

// own is a recording that this recorder has the file of.
func (l library) own(ctx context.Context, id media.ID) (media.Record, error) {
	r, err := l.catalogue.Record(ctx, id)
	switch {
	case err != nil:
		return r, known(err)
	case r.Elsewhere:
		return r, api.RecordedBy(r.Node)
	}
	return r, nil
}

// verify makes sure that the file at a path is that of a recording. The caller holds
// l.deleting until it has acted on the file: spool gives no file the name of another
// one, and takes none away without the lock.
func (l library) verify(path string, id media.ID) error {
	f, err := l.openFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return l.belongs(f, path, id)
}

// has reports whether the file at a path is that of a recording now.
func (l library) has(path string, id media.ID) bool {
	f, err := l.openFile(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return mp4.Belongs(sized{f}, path, id) == nil
}

func (l library) openFile(path string) (*os.File, error) {
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(filepath.FromSlash(path), os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// belongs makes sure that an open file is that of a recording.
func (l library) belongs(f *os.File, path string, id media.ID) error {
	return l.refuse(mp4.Belongs(sized{f}, path, id), path, id)
}

// refuse says with a Conflict that a file is not the recording's, or cannot say
// whose it is, and counts it.
func (l library) refuse(err error, path string, id media.ID) error {
	var system syscall.Errno
	switch {
	case err == nil, errors.As(err, &system):
		return err
	case errors.Is(err, mp4.ErrOtherRecording):
		l.mistaken.Inc()
		return api.Conflict("%s is the file of another recording: spool reindex marks recording %s lost", path, id)
	}
	l.mistaken.Inc()
	return api.Conflict("%s does not say which recording it is of, and is left alone (%v): "+
		"see what spool repair --dry-run says of it, or move it away and run spool reindex", path, err)
}

func newMistaken() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "spool_files_mistaken_total",
		Help: "Times that a file was not touched or served, because it is not that of the recording that names it, or does not say."})
}

// sized is a file with its size.
type sized struct{ *os.File }

func (f sized) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
