package metadata

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
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

	growing   media.ID // of the newest row of a file that grows
	protected bool     // what it says
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
	ctx = context.WithoutCancel(ctx) // an abort must not cost the row of a file that is already there
	if !s.said(rec) {
		s.note(rec, s.catalogue.Put(ctx, rec))
	}
	s.note(rec, s.catalogue.PutEvents(ctx, rec, rec.Beyond...))
	return nil
}

// said reports whether a recording tells of nothing but an event that its row cannot
// name.
func (s *sink) said(rec media.Recording) bool {
	same := len(rec.Beyond) > 0 && rec.ID == s.growing && rec.Protected == s.protected
	s.growing, s.protected = media.ID{}, rec.Protected
	if rec.State == media.StateRecording {
		s.growing = rec.ID
	}
	return same && rec.State == media.StateRecording
}

// note tells of what could not be stored.
func (s *sink) note(rec media.Recording, err error) {
	if err == nil {
		return
	}
	text := err.Error()
	s.lastError.Store(&text)
	if errors.Is(err, journal.ErrNotDurable) {
		s.log.Warn("recording is in the catalogue's memory only", "recording", rec.ID, "file", rec.Path, "error", err)
		return
	}
	s.lost.Add(1)
	s.growing = media.ID{} // the next value puts the row again
	s.log.Error("recording has no row; its file has an entry: run a reindex", "recording", rec.ID, "file", rec.Path, "error", err)
}

// Flush has nothing to do: Consume keeps nothing back.
func (s *sink) Flush(context.Context) error { return nil }

// Report tells the last row that had trouble, where nothing worse happened.
func (s *sink) Report(r *pipeline.Report) {
	if e := s.lastError.Load(); e != nil && r.LastError == "" {
		r.LastError = *e
	}
}
