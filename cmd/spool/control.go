package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// control is the recorder as the API wants it.
type control struct {
	recorder *recorder.Recorder
	byHand   func() // told when something was started or stopped
}

func (c control) Start(_ context.Context, stream string, o recorder.StartOptions) (bool, error) {
	already, err := c.recorder.Start(stream, o)
	c.byHand()
	switch {
	case errors.Is(err, recorder.ErrUnknownStream):
		return false, api.NotFound("%v; wait=true arms the recording until it appears", err)
	case errors.Is(err, recorder.ErrNoPipeline):
		return false, api.NotFound("%v", err)
	}
	return already, err
}

func (c control) Stop(ctx context.Context, stream string) (bool, error) {
	defer c.byHand()
	return c.recorder.Stop(ctx, stream)
}

func (c control) Stream(path string) (recorder.StreamStatus, bool) { return c.recorder.Stream(path) }

func (c control) Recording() []string { return c.recorder.Recording() }

// library is the catalogue with its files as the API wants it.
type library struct {
	catalogue *metadata.Catalogue
	dir       string
	recorder  *recorder.Recorder
	deleting  *sync.Mutex           // from the last look at a row or at a file's protection until it is changed or gone
	mistaken  prometheus.Counter    // files that are not those of their rows
	changed   func(paths ...string) // told of files that were deleted
}

func (l library) Records(ctx context.Context, q media.Query) (media.Page, error) {
	page, err := l.catalogue.Records(ctx, q)
	if err != nil {
		return media.Page{}, known(err)
	}
	l.soFar(page.Records)
	return page, nil
}

func (l library) Record(ctx context.Context, id media.ID) (media.Record, error) {
	r, err := l.catalogue.Record(ctx, id)
	one := []media.Record{r}
	l.soFar(one)
	return one[0], known(err)
}

// soFar tells of the files that grow here how far they are: their rows were
// written when they began.
func (l library) soFar(records []media.Record) {
	grows := l.growing()
	for i := range records {
		if !records[i].Elsewhere {
			grows(&records[i].Recording)
		}
	}
}

// growing gives a function that does so for one recording after another, by what
// the recorder says at the first that grows.
func (l library) growing() func(*media.Recording) {
	var open map[string]pipeline.Report
	return func(r *media.Recording) {
		if r.State != media.StateRecording {
			return
		}
		if open == nil {
			open = l.open()
		}
		if rep, ok := open[r.Path]; ok && !rep.LastWritten.IsZero() {
			r.Size, r.EndUTC, r.Duration = rep.Bytes, r.StartUTC+int64(rep.Lasted), int64(rep.Duration)
		}
	}
}

// open is what the recorder says of each file that grows, by path.
func (l library) open() map[string]pipeline.Report {
	out := map[string]pipeline.Report{}
	for _, j := range l.recorder.Jobs() {
		if j.Report.Recording {
			out[j.Report.File] = j.Report
		}
	}
	return out
}

// SetProtected marks the file first: protection must outlive the database.
func (l library) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	l.deleting.Lock()
	defer l.deleting.Unlock()
	r, err := l.own(ctx, id)
	if err != nil {
		return media.Record{}, err
	}
	if r.State != media.StateLost {
		if err := l.mark(r.Path, id, protected); errors.Is(err, os.ErrNotExist) {
			return media.Record{}, api.Conflict("the file of recording %s is gone: spool reindex marks it lost", id)
		} else if err != nil {
			return media.Record{}, l.refuse(err, r.Path, id)
		}
	}
	if r, err = l.catalogue.SetProtected(ctx, id, protected); errors.Is(err, metadata.ErrNotDurable) {
		err = nil // the file has it, and the row is on its way
	}
	one := []media.Record{r}
	l.soFar(one)
	return one[0], known(err)
}

// mark changes the protection in a file, which may get its final name meanwhile.
func (l library) mark(path string, id media.ID, protected bool) error {
	err := mp4.SetProtected(l.file(path), id, protected)
	if final, growing := strings.CutSuffix(path, media.PartSuffix); growing && errors.Is(err, os.ErrNotExist) {
		return mp4.SetProtected(l.file(final), id, protected)
	}
	return err
}

// Delete removes the file and then the row: a crash in between leaves a row that
// the next reconciliation marks as lost, and never a file that comes back.
func (l library) Delete(ctx context.Context, id media.ID) error {
	l.deleting.Lock()
	defer l.deleting.Unlock()
	r, err := l.own(ctx, id)
	switch {
	case err != nil:
		return err
	case r.Protected:
		return api.Conflict("recording %s is protected: PATCH it with {\"protected\":false} first", id)
	case r.Growing():
		return api.Conflict("recording %s is being written: stop stream %s first", id, r.Stream)
	}
	var other *api.Error
	if err := l.unlink(r.Path, id); err != nil && (r.State != media.StateLost || !errors.As(err, &other)) {
		return err // of one that is lost, whatever has its name now stays
	}
	l.changed(r.Path)
	// A full disk takes no entry of the journal: the row goes all the same, and the
	// next comparison with the disk would find it.
	if _, err = l.catalogue.Delete(ctx, id); errors.Is(err, metadata.ErrNotDurable) {
		err = nil
	}
	return known(err)
}

func (l library) file(path string) string { return filepath.Join(l.dir, filepath.FromSlash(path)) }

// known gives the catalogue's errors the API's shape; another is hidden there.
func known(err error) error {
	switch {
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

// growing tells what of a file that is being written can be played.
func growing(dir string) playback.Growing {
	return func(name string) (string, int64, bool) {
		part := name + media.PartSuffix
		size, err := mp4.Playable(filepath.Join(dir, filepath.FromSlash(part)))
		return part, size, err == nil
	}
}
