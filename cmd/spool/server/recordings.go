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

// recordings is the catalogue with its files as the API wants it.
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

// soFar tells of the files that grow here how far they are: their rows were
// written when they began.
func (l recordings) soFar(records []media.Record) {
	grows := l.growing()
	for i := range records {
		if !records[i].Elsewhere {
			grows(&records[i].Recording)
		}
	}
}

// growing gives a function that does so for one recording after another, by what
// the recorder says at the first that grows.
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
			r.Size, r.EndUTC, r.Duration = rep.Bytes, r.StartUTC+int64(rep.Lasted), int64(rep.Duration)
		}
	}
}

// open is what the recorder says of each file that grows, by path.
func (l recordings) open() map[string]pipeline.Report {
	out := map[string]pipeline.Report{}
	for _, j := range l.recorder.Jobs() {
		if j.Report.Recording {
			out[j.Report.File] = j.Report
		}
	}
	return out
}

// SetProtected protects a recording from deletion, or no longer does.
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

// lists makes sure that an open file is one that the catalogue has: its own entry says of
// which recording it is, and that one's row has the path. While the database does not
// answer, the entry alone decides, so that footage can be watched.
func (l recordings) lists(ctx context.Context, f *os.File, path string) error {
	unknown := api.NotFound("there is no file %s in the catalogue: spool reindex adds what spool recorded, http.serve_unknown_files serves the others", path)
	id, err := mp4.RecordingOf(sized{f}, path)
	switch system := syscall.Errno(0); {
	case errors.As(err, &system):
		return err
	case err != nil:
		return unknown
	}
	soon, cancel := context.WithTimeout(ctx, patienceOfPlayers)
	defer cancel()
	switch r, err := l.catalogue.Record(soon, id); {
	case errors.Is(err, metadata.ErrNotFound), err == nil && r.Path != path:
		return unknown
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	}
	return nil
}

// patienceOfPlayers is how long a file waits for the catalogue: a player asks for it in
// many ranges.
const patienceOfPlayers = time.Second

// belongs makes sure that an open file is that of a recording.
func (l recordings) belongs(f *os.File, path string, id media.ID) error {
	return known(l.footage.Judge(mp4.Belongs(sized{f}, path, id), path, id))
}
