package file

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// openTransportStream opens a file if it is an MPEG transport stream. f is nil if it is another file, or cannot be read;
// Open then tells the error.
func openTransportStream(path string) (f *os.File) {
	if of, err := os.Stat(path); err != nil || !of.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	var head [mpegts.SniffBytes]byte
	if n, err := f.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) || !mpegts.IsStream(head[:n]) {
		_ = f.Close()
		return nil
	}
	return f
}

// transportStream is a file of MPEG-TS. It implements stream.
type transportStream struct {
	f       *os.File
	demuxer *mpegts.Demuxer
	player  mpegts.Player
}

// readTransportStream returns the opener of a file, which the stream closes.
func readTransportStream(f *os.File, clock pipeline.Clock, log *slog.Logger) opener {
	return func(publish func() (*hub.Publisher, error)) (stream, error) {
		d := mpegts.NewDemuxer(mpegts.Options{Clock: clock, Log: log, Finite: true, Publish: publish})
		return &transportStream{f, d, mpegts.Player{Demuxer: d, Clock: clock}}, nil
	}
}

func (s *transportStream) step() (end bool, err error)       { return s.player.Step(s.f) }
func (s *transportStream) end(cause media.Cause)             { s.demuxer.Close(cause) }
func (s *transportStream) published() bool                   { return s.demuxer.Publisher() != nil }
func (s *transportStream) nothing(losses []media.Loss) error { return s.demuxer.Nothing(losses) }
func (s *transportStream) cut() int                          { return s.demuxer.Cut() }
func (s *transportStream) close() error                      { return s.f.Close() }

func (s *transportStream) again() error {
	s.demuxer.Again()
	_, err := s.f.Seek(0, io.SeekStart)
	return err
}

// pullTransportStream publishes a transport stream. With Config.Loop the times of its tracks go on at each beginning.
func (p *puller) pullTransportStream(ctx context.Context, f *os.File, publish func(origin string) (*hub.Publisher, error)) (err error) {
	origin := "file " + filepath.Base(p.cfg.Path)
	d := mpegts.NewDemuxer(mpegts.Options{Publish: func() (*hub.Publisher, error) { return publish(origin) }, Clock: p.Clock, Log: p.Log})
	defer func() {
		cause := media.Cause(endcause.SourceLost)
		if err == nil {
			cause = endcause.EndOfFile
		}
		d.Close(cause)
	}()
	player := mpegts.Player{Demuxer: d, Clock: p.Clock, Realtime: p.cfg.Speed == speedRealtime}
	for {
		if err := player.Play(ctx, f); err != nil || !p.cfg.Loop {
			return err
		}
		if d.Publisher() == nil {
			return errors.New("the file has no media that can be recorded")
		}
		d.Again()
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}
