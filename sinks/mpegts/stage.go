package mpegts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// Config holds the settings of the sink "mpegts".
type Config struct {
	Path string `yaml:"path" reaches:"directory" doc:"MPEG-TS file that is written; it must not exist"`
}

func init() {
	pipeline.RegisterSink("mpegts", Config{},
		"Writes the media to one MPEG-TS file, which is not in the catalogue. It replaces no file, and does not sync.", newSink)
}

// sink is the stage "mpegts".
type sink struct {
	cfg  Config
	file *os.File
	mux  *mpegts.Muxer
	writer

	units, bytes atomic.Int64 // written so far
	finished     atomic.Bool
}

func newSink(_ pipeline.Settings, cfg Config) (pipeline.Sink[*media.Chunk], error) {
	if cfg.Path == "" {
		return nil, errors.New("mpegts: path is empty: give the MPEG-TS file to write")
	}
	return &sink{cfg: cfg}, nil
}

// Open creates the file.
func (s *sink) Open(context.Context) (err error) {
	s.file, err = os.OpenFile(s.cfg.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	s.mux = mpegts.NewMuxer(s.file)
	s.writer = writer{mux: s.mux}
	return nil
}

// Consume writes a chunk.
func (s *sink) Consume(_ context.Context, c *media.Chunk) error {
	defer c.Release()
	if c.Mark != nil || c.AccessUnits() == 0 {
		return nil
	}
	if err := s.write(c); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(s.cfg.Path), err)
	}
	s.units.Add(int64(c.AccessUnits()))
	s.bytes.Store(s.mux.Bytes())
	return nil
}

// Flush writes the rest of the file.
func (s *sink) Flush(context.Context) error {
	err := s.mux.Flush()
	s.bytes.Store(s.mux.Bytes())
	s.finished.Store(err == nil)
	return err
}

// Close closes the file.
func (s *sink) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Report sets the state of the file.
func (s *sink) Report(r *pipeline.Report) {
	r.File = filepath.Base(s.cfg.Path)
	r.AccessUnits, r.Bytes = uint64(s.units.Load()), s.bytes.Load()
	r.TotalBytes = r.Bytes
	if s.finished.Load() && r.AccessUnits > 0 {
		r.Finish = pipeline.Finish{File: r.File, FileBytes: r.Bytes}
	}
}
