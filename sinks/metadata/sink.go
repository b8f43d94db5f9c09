package metadata

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Config is what a pipeline says about its metadata stage: nothing. The database
// is one for the whole process.
type Config struct{}

func init() {
	pipeline.RegisterSink("metadata", Config{},
		"puts every recording into the catalogue: into the local journal at once, into the database in the background", newSink,
		pipeline.Catalogues)
}

// sink is the stage "metadata": it puts every recording into the catalogue. It
// never fails the run: footage does not wait for its row, and the file carries
// an entry from which the row can be made again.
type sink struct {
	catalogue *Catalogue
	log       *slog.Logger
	lastError atomic.Pointer[string]
	lost      atomic.Uint64 // recordings without a row until the next reindex
}

func newSink(set pipeline.Settings, _ Config) (pipeline.Sink[media.Recording], error) {
	c, err := pipeline.Use[*Catalogue](set)
	if err != nil {
		return nil, err
	}
	return &sink{catalogue: c, log: set.Log}, nil
}

// Consume waits for the journal's disk, never for the database.
func (s *sink) Consume(ctx context.Context, rec media.Recording) error {
	// An abort must not cost the row of a file that is already there.
	err := s.catalogue.Put(context.WithoutCancel(ctx), rec)
	if err == nil {
		return nil
	}
	text := err.Error()
	s.lastError.Store(&text)
	if errors.Is(err, ErrNotDurable) {
		s.log.Warn("recording is in the catalogue's memory only", "recording", rec.ID, "file", rec.Path, "error", err)
		return nil
	}
	s.lost.Add(1)
	s.log.Error("recording has no row; its file has an entry: run a reindex", "recording", rec.ID, "file", rec.Path, "error", err)
	return nil
}

// Flush has nothing to do: Consume keeps nothing back.
func (s *sink) Flush(context.Context) error { return nil }

// Report tells the last row that had trouble, where nothing worse happened.
func (s *sink) Report(r *pipeline.Report) {
	if e := s.lastError.Load(); e != nil && r.LastError == "" {
		r.LastError = *e
	}
}
