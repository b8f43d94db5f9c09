package server

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/mp4"
)

// recover finishes the files that a crash of an earlier process left growing, if mp4.auto_recovery is
// set, then compares the catalogue with the disk and removes empty directories. Files that cannot be
// recovered now are left to recoverLeft, which tries again.
func (s *Server) recover(ctx context.Context, dir string) error {
	if s.cfg.MP4.AutoRecovery {
		s.awaitCatalogue(ctx)
		if owed, err := s.recoverOnce(ctx, dir, map[string]bool{}); owed {
			if err != nil && ctx.Err() == nil {
				s.log.Error("unfinished files of a crash cannot be found yet; spool tries again", "error", err)
			}
			s.leave("")
		}
	}
	if err := s.reconcile(ctx, dir); err != nil {
		return err
	}
	return s.removeEmptyDirs(ctx, dir)
}

// recovered handles the result of recovery for one file: it logs the result, and stores or deletes the
// row of the recording.
func (s *Server) recovered(ctx context.Context, r mp4.Repaired) {
	defer s.keeper.Changed(r.File, r.Recording.Path)
	attrs := []any{"file", r.File, "lost_on_disk", r.Lost.Round(time.Millisecond), "lost_bytes", r.LostBytes, "lost_in_memory", r.Unwritten.String(), "reason", r.Reason}
	if r.Recording.Stream != "" {
		attrs = append(attrs, "pipeline", r.Recording.Pipeline, "stream", r.Recording.Stream)
	}
	switch {
	case r.Err != nil && r.Recording.State != "":
		s.log.Error("recording recovered after a crash, but a power cut may undo that", append(attrs, "error", r.Err)...)
	case r.Err != nil:
		s.log.Error("recording could not be recovered after a crash; the file is unchanged", append(attrs, "error", r.Err)...)
		return
	case r.Removed:
		s.log.Warn("an unfinished file of a crash held no complete chunk and was removed", attrs...)
		s.forget(ctx, r)
	default:
		s.log.Info("recording recovered after a crash", attrs...)
	}
	if r.Recording.State == "" {
		return
	}
	s.recordRecovered(ctx, r.File, r.Recording)
}

// recordRecovered stores the row of a recovered recording, and adds the events of its time that the
// crash kept out of the file. part is the path of the file before recovery. It tries again while other
// code is changing the recording.
func (s *Server) recordRecovered(ctx context.Context, part string, r media.Recording) {
	var by media.ID // the event that protects the file
	recovery := footage.Recovery{Recording: r, Unmarked: s.joinEvents, Tell: s.redeliver, Protect: func(r media.Recording, missed []media.Event) (granted bool) {
		by, granted = s.protect(r, missed)
		return granted
	}}
	done := s.footage.Recovered(ctx, recovery)
	for said := false; isBusy(done.RowError) && ctx.Err() == nil; done = s.footage.Recovered(ctx, recovery) {
		if !said {
			s.log.Warn("the row of a recovered recording waits: the recording is being changed", "file", r.Path, "error", done.RowError)
			said = true
		}
	}
	switch {
	case done.RowError != nil && done.Gone:
		s.log.Error("the row of a deleted file could not be removed: the next comparison with the disk marks it lost", "file", r.Path, "error", done.RowError)
	case done.RowError != nil:
		s.log.Error("a recovered recording is not in the catalogue yet: spool reindex adds it", "file", part, "error", done.RowError)
	}
	log := s.log.With("file", r.Path, "events", done.Unmarked)
	if done.Unmarked > 0 && !done.Gone {
		log.Info("a recovered recording holds media of events that were not marked in it yet")
	}
	if done.FileError != nil {
		log.Warn("events of a recovered recording are in the catalogue but not in its file: spool reindex into an empty database will not find them", "error", done.FileError)
	}
	if done.ProtectError != nil {
		log.Error("a recovered recording could not be protected for its event: PATCH its record", "event", by, "error", done.ProtectError)
	}
}

// forget deletes the row of a file that recovery has removed because it held no media. Otherwise the
// recording would count as lost.
func (s *Server) forget(ctx context.Context, r mp4.Repaired) {
	if r.Recording.ID == (media.ID{}) {
		return
	}
	if err := s.footage.Empty(ctx, media.DeletedFile{ID: r.Recording.ID, Path: r.File}); err != nil {
		s.log.Error("the row of a deleted file could not be removed: the next comparison with the disk marks it lost", "file", r.File, "error", err)
	}
}

// leave wakes recoverLeft, because a recording has left a file unfinished. It ignores the path of the file
// and does not block. It is an mp4.OnUnfinished.
func (s *Server) leave(string) {
	select {
	case s.unfinished <- struct{}{}:
	default:
	}
}

// recoverLeft waits for calls of leave, and then recovers unfinished files, until ctx ends: a recording
// leaves its file unfinished if the disk fails or is away, or if the recording is aborted. After a
// failure it tries again until no file is left.
func (s *Server) recoverLeft(ctx context.Context, dir string) error {
	said := map[string]bool{} // texts of the errors that have been logged
	for ctx.Err() == nil {
		select {
		case <-s.unfinished:
		case <-ctx.Done():
			return nil
		}
		backoff := pipeline.Backoff{Min: 2 * time.Second, Max: 5 * time.Minute}
		for owed := true; owed && ctx.Err() == nil; {
			if s.again(ctx, &backoff) {
				owed, _ = s.recoverOnce(ctx, dir, said)
			}
		}
	}
	return nil
}

// again waits before its caller retries after a failure: for the next delay of backoff, or until the disk
// accepts files again. In the second case it resets backoff. It returns false when ctx has ended. Its callers
// use it instead of pipeline.Retry, whose wait does not end when the disk works again.
func (s *Server) again(ctx context.Context, backoff *pipeline.Backoff) bool {
	waited := pipeline.Sleep(ctx, s.clock, backoff.Next(), s.diskWorks.wait())
	if !waited {
		backoff.Reset()
	}
	return ctx.Err() == nil
}

// recoverOnce recovers the unfinished files in the record directory dir that no process writes. owed reports
// whether the caller must call it again, because a file could not be recovered or err is not nil. said holds
// the errors of files that were logged before: recoverOnce does not log them again, and adds the new ones.
func (s *Server) recoverOnce(ctx context.Context, dir string, said map[string]bool) (owed bool, err error) {
	err = mp4.Recover(ctx, dir, func(r mp4.Repaired) {
		if r.Err != nil {
			owed = owed || !errors.Is(r.Err, mp4.ErrNotOurs)
			if said[r.Err.Error()] {
				return
			}
			said[r.Err.Error()] = true
		}
		s.recovered(ctx, r)
	})
	if err == nil {
		s.crashRecovered.Store(true)
	}
	return owed || err != nil, err
}

// lastInterrupted returns the EndUTC of the newest recording that this recorder made of a stream with a
// pipeline, if a failure ended that recording: see mp4.Interrupted. It returns 0 if the recording ended as
// intended, if none of the 20 newest recordings of the stream is from this recorder and pipeline, if the
// EndUTC is before wallclock.Plausible, and if the catalogue does not answer within five seconds.
func (s *Server) lastInterrupted(stream, pipelineName string) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	page, err := s.catalogue.Records(ctx, media.Query{Stream: stream, Limit: 20})
	if err != nil {
		return 0
	}
	for _, r := range page.Records {
		if r.Pipeline != pipelineName || r.Node != s.catalogue.Node() {
			continue
		}
		if time.Unix(0, r.EndUTC).Before(wallclock.Plausible) {
			return 0
		}
		switch r.EndReason {
		case endcause.Error, endcause.Crash, endcause.NoRoom, endcause.SourceLost, endcause.Gap:
			return r.EndUTC
		}
		return 0
	}
	return 0
}
