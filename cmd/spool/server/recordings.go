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

// recordings reads and changes recordings in the catalogue and on the disk; it implements
// api.Catalogue. The function known converts the errors that its methods return.
type recordings struct {
	catalogue *metadata.Catalogue
	files     files
	footage   *footage.Store
	recorder  *recorder.Recorder
}

// Records returns a page of recordings; growing ones have their present size and end.
func (l recordings) Records(ctx context.Context, q media.Query) (media.Page, error) {
	page, err := l.catalogue.Records(ctx, q)
	if err != nil {
		return media.Page{}, known(err)
	}
	l.soFar(page.Records)
	return page, nil
}

// Record returns the recording with an ID; a growing one has its present size and end.
func (l recordings) Record(ctx context.Context, id media.ID) (media.Record, error) {
	r, err := l.catalogue.Record(ctx, id)
	one := []media.Record{r}
	l.soFar(one)
	return one[0], known(err)
}

// soFar sets size, end and duration of this recorder's growing recordings to their present values. In
// the catalogue such a recording has the values of its beginning.
func (l recordings) soFar(records []media.Record) {
	grows := l.growing()
	for i := range records {
		if !records[i].Elsewhere {
			grows(&records[i].Recording)
		}
	}
}

// growing returns a function that sets size, end and duration of a growing recording to their present
// values, and changes no other recording. The function gets the values from the recorder when it is
// called for the first growing recording, and uses the same ones for all further recordings.
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

// open returns the recorder's report of each growing recording, by the path of the file.
func (l recordings) open() map[string]pipeline.Report {
	out := map[string]pipeline.Report{}
	for _, j := range l.recorder.Jobs() {
		if j.Report.Recording {
			out[j.Report.File] = j.Report
		}
	}
	return out
}

// SetProtected sets or clears the protection of a recording from deletion, and returns the recording.
func (l recordings) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	r, err := l.footage.SetProtected(ctx, id, protected)
	one := []media.Record{r}
	l.soFar(one)
	return one[0], known(err)
}

// Delete deletes the file of a recording, then its row.
func (l recordings) Delete(ctx context.Context, id media.ID) error {
	return known(l.footage.Delete(ctx, id))
}

// lists returns an api NotFound unless an open file is the file of a recording in the catalogue: the
// entry in the file holds the ID of the recording, and the row of this ID must have the path. If the
// catalogue does not answer within playerTimeout, an entry in the file is enough, so that recordings
// can be played while the database is down.
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

// playerTimeout bounds the time that a request for a file waits for the catalogue. It is short because
// a player sends many such requests for one file.
const playerTimeout = time.Second

// belongs returns an api Conflict unless an open file is the file of the recording id.
func (l recordings) belongs(f *os.File, path string, id media.ID) error {
	return known(l.footage.Judge(mp4.Belongs(sized{f}, path, id), path, id))
}
