package harness

import (
	"context"
	"log/slog"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

// muxer writes the content of a case as one segment. It calls a builder and the mp4 stage directly, without a
// pipeline.
type muxer struct {
	c     Case
	k     *content
	pool  *media.Pool
	stage *mp4.Muxer
	seg   *media.Segment
	begun bool
	err   error
	took  []time.Duration // time that the stage took for each chunk
}

func newMuxer(c Case, k *content, pool *media.Pool) *muxer {
	return &muxer{c: c, k: k, pool: pool}
}

// open makes the mp4 stage, opens it for the record directory dir, and makes the segment.
func (m *muxer) open(ctx context.Context, dir string) error {
	cfg := mp4.Defaults()
	cfg.RecordPath, cfg.Fragment, cfg.Sync, cfg.FilenamePattern = dir, m.c.Format == "fmp4", m.c.Sync, "bench.mp4"
	cfg.FragmentDuration = config.Duration(m.c.Fragment)
	stage, err := mp4.New(pipeline.NewSettings(pipeline.Env{Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}, "bench", "bench", "mp4"), cfg)
	if err != nil {
		return err
	}
	if err := stage.Open(ctx); err != nil {
		return err
	}
	set, err := media.NewTrackSet(1, m.k.tracks)
	m.stage = stage
	m.seg = &media.Segment{
		ID: media.NewID(time.Unix(0, epoch)), Stream: "bench", Pipeline: "bench", Set: set, Index: 1,
		StartUTC: epoch, MaxDuration: m.k.length,
	}
	return err
}

// write writes the whole content to the file, but does not finish the file.
func (m *muxer) write() error {
	b := media.NewBuilder(m.pool, media.BuilderConfig{Flush: m.c.Flush, MaxBytes: m.c.Bytes}, m.part)
	b.SetTracks(m.seg.Set)
	if err := m.k.each(b.Append); err != nil {
		return err
	}
	b.Flush()
	return m.err
}

// part hands a chunk to the stage as the next part of the segment.
func (m *muxer) part(c *media.Chunk) {
	if m.err != nil {
		c.Release()
		return
	}
	began := time.Now()
	m.err = m.stage.Process(context.Background(), media.Part{Segment: m.seg, First: !m.begun, Chunk: c}, forget)
	m.took = append(m.took, time.Since(began))
	m.begun = true
}

// finish ends the segment, so that the stage finishes the file.
func (m *muxer) finish() error {
	return m.stage.Process(context.Background(), media.Part{Segment: m.seg, End: endcause.EndOfFile}, forget)
}

func forget(media.Recording) error { return nil }

// all opens the stage, writes the whole content, finishes the file and closes the stage.
func (m *muxer) all(ctx context.Context, dir string) error {
	if err := m.open(ctx, dir); err != nil {
		return err
	}
	defer m.stage.Close()
	if err := m.write(); err != nil {
		return err
	}
	return m.finish()
}

// finished returns the number of bytes that the stage wrote to finish the file.
func (m *muxer) finished() int64 {
	var r pipeline.Report
	m.stage.Report(&r)
	return r.Finish.BytesWritten
}
