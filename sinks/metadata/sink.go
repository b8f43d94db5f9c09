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

// Config is the configuration of the stage metadata. It is empty: the process has one database.
type Config struct{}

func init() {
	pipeline.RegisterSink("metadata", Config{},
		"puts every recording into the catalogue: into the local journal at once, into the database in the background", newSink,
		pipeline.Catalogues)
}

// sink is the stage "metadata": it puts every recording into the catalogue. An error of the catalogue
// never fails the run: Reconcile can add the missing row from the file.
type sink struct {
	catalogue *Catalogue
	log       *slog.Logger
	lastError atomic.Pointer[string]
	lost      atomic.Uint64 // changes that the catalogue dropped; a reindex adds the rows

	growing   media.ID // recording whose row was put last, if its file grows; else zero
	protected bool     // protection in the row that was put last
}

func newSink(set pipeline.Settings, _ Config) (pipeline.Sink[media.Recording], error) {
	c, err := pipeline.Use[*Catalogue](set)
	if err != nil {
		return nil, err
	}
	return &sink{catalogue: c, log: set.Log}, nil
}

// Consume puts a recording, and the events that its row has no room for. It waits for the journal's
// disk but not for the database, and always returns nil.
func (s *sink) Consume(ctx context.Context, rec media.Recording) error {
	ctx = context.WithoutCancel(ctx) // an abort must not lose the row of a file that exists
	if !s.repeats(rec) {
		s.note(rec, s.catalogue.Put(ctx, rec))
	}
	s.note(rec, s.catalogue.PutEvents(ctx, rec, rec.Beyond...))
	return nil
}

// repeats reports whether rec differs from the row that was put last only by events that the row has no
// room for (Beyond): the row need not be put again.
func (s *sink) repeats(rec media.Recording) bool {
	same := len(rec.Beyond) > 0 && rec.ID == s.growing && rec.Protected == s.protected
	s.growing, s.protected = media.ID{}, rec.Protected
	if rec.State == media.StateRecording {
		s.growing = rec.ID
	}
	return same && rec.State == media.StateRecording
}

// note logs an error of Put or PutEvents and keeps it for Report.
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
	s.growing = media.ID{} // the next value stores the row again
	s.log.Error("recording has no row; run spool reindex, which adds it from the file", "recording", rec.ID, "file", rec.Path, "error", err)
}

// Flush does nothing: Consume keeps no values back.
func (s *sink) Flush(context.Context) error { return nil }

// Report sets r.LastError to the last error of the catalogue, unless it is set already.
func (s *sink) Report(r *pipeline.Report) {
	if e := s.lastError.Load(); e != nil && r.LastError == "" {
		r.LastError = *e
	}
}
