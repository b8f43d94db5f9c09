package server

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// recordings adapts the catalogue and its files to api.Catalogue.
type recordings struct {
	catalogue *metadata.Catalogue
	files     files
	footage   *footage.Store
	recorder  *recorder.Recorder
}

func (l recordings) Records(ctx context.Context, q media.Query) (media.Page, error) {
	page, err := l.catalogue.Records(ctx, q)
	if err != nil {
		return media.Page{}, known(err)
	}
	l.soFar(page.Records)
	return page, nil
}

func (l recordings) Record(ctx context.Context, id media.ID) (media.Record, error) {
	r, err := l.catalogue.Record(ctx, id)
	one := []media.Record{r}
	l.soFar(one)
	return one[0], known(err)
}

// soFar updates rows of files that grow here to the current size and time: the rows were
// written when the files began.
func (l recordings) soFar(records []media.Record) {
	grows := l.growing()
	for i := range records {
		if !records[i].Elsewhere {
			grows(&records[i].Recording)
		}
	}
}

// growing returns a function that does the same for one recording after another. It asks the
// recorder once, at the first growing recording.
func (l recordings) growing() func(*media.Recording) {
	var open map[string]pipeline.Report
	return func(r *media.Recording) {
		if r.State != media.StateRecording {
			return
		}
		if open == nil {
			open = l.open()
		}
		if rep, ok := open[r.Path]; ok && !rep.LastWritten.IsZero() {
			r.SizeBytes, r.EndUTC, r.DurationNS = rep.Bytes, r.StartUTC+int64(rep.Lasted), int64(rep.Duration)
		}
	}
}

// open returns the recorder's report of each growing file, by path.
func (l recordings) open() map[string]pipeline.Report {
	out := map[string]pipeline.Report{}
	for _, j := range l.recorder.Jobs() {
		if j.Report.Recording {
			out[j.Report.File] = j.Report
		}
	}
	return out
}

// SetProtected sets or clears the protection of a recording from deletion.
func (l recordings) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	r, err := l.footage.SetProtected(ctx, id, protected)
	one := []media.Record{r}
	l.soFar(one)
	return one[0], known(err)
}

// Delete removes a recording's file and row.
func (l recordings) Delete(ctx context.Context, id media.ID) error {
	return known(l.footage.Delete(ctx, id))
}

// lists returns an error unless the catalogue has an open file: the file's own entry names its
// recording, and the row of that recording must have this path. While the database does not
// answer, the entry alone decides, so that footage can be played.
func (l recordings) lists(ctx context.Context, f *os.File, path string) error {
	unknown := api.NotFound("file %s is not in the catalogue: spool reindex adds recordings of spool, http.serve_unknown_files serves other files", path)
	id, err := mp4.RecordingOf(sized{f}, path)
	switch system := syscall.Errno(0); {
	case errors.As(err, &system):
		return err
	case err != nil:
		return unknown
	}
	soon, cancel := context.WithTimeout(ctx, playerTimeout)
	defer cancel()
	switch r, err := l.catalogue.Record(soon, id); {
	case errors.Is(err, metadata.ErrNotFound), err == nil && r.Path != path:
		return unknown
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	}
	return nil
}

// playerTimeout bounds how long one request of a player waits for the catalogue: a player sends
// many range requests for one file.
const playerTimeout = time.Second

// belongs returns an error unless an open file is that of a recording.
func (l recordings) belongs(f *os.File, path string, id media.ID) error {
	return known(l.footage.Judge(mp4.Belongs(sized{f}, path, id), path, id))
}
