package file

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

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
