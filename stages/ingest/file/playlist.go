package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/hls"
)

// playlistHead begins a playlist of HLS (RFC 8216, 4.3.1.1), maybe behind a byte order mark.
const playlistHead = "#EXTM3U"

// readLocalPlaylist returns the text of a playlist, or nil if the file is another one, or cannot be read; Open then tells the
// error.
func readLocalPlaylist(path string) []byte {
	if of, err := os.Stat(path); err != nil || !of.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var head [len("\ufeff" + playlistHead)]byte
	n, _ := f.ReadAt(head[:], 0) // a shorter file is no playlist
	if !bytes.HasPrefix(bytes.TrimPrefix(head[:n], []byte("\ufeff")), []byte(playlistHead)) {
		return nil
	}
	text, err := hls.ReadPlaylist(f)
	if err != nil {
		return nil
	}
	return text
}

// directory opens what a playlist names: files in the directory of the playlist, and below it.
type directory struct {
	root *os.Root
	url  string // of the directory, with a slash at its end
}

// newDirectory opens the directory of a playlist, and returns its URL, too.
func newDirectory(path string) (d directory, playlist *url.URL, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return d, nil, err
	}
	d.url = "/" + strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "/")
	d.url = strings.TrimSuffix(d.url, "/") + "/"
	d.root, err = os.OpenRoot(filepath.Dir(path))
	return d, &url.URL{Scheme: "file", Path: d.url + filepath.Base(path)}, err
}

// Open implements hls.Source.
func (d directory) Open(_ context.Context, u *url.URL, of hls.Range) (*hls.Resource, error) {
	name, below := strings.CutPrefix(u.Path, d.url)
	if !below {
		return nil, errors.New("it is not in the playlist's directory, nor below it")
	}
	name = filepath.FromSlash(name)
	switch info, err := d.root.Stat(name); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a pipe could wait for ever
		return nil, fmt.Errorf("%s is no file", name)
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	if of.Length > 0 {
		_, err = f.Seek(of.Offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r := &hls.Resource{ReadCloser: f, URL: u}
	if of.Length > 0 {
		r.ReadCloser = part{io.LimitReader(f, of.Length), f}
	}
	return r, nil
}

// part is a range of a file.
type part struct {
	io.Reader
	io.Closer
}

// playlist is a playlist of files. It implements stream.
type playlist struct {
	in     directory
	player *hls.Player
	pub    *hub.Publisher
	failed error // of step
	ended  bool  // end was called
}

// readPlaylist returns the opener of the playlist at a path, which has the text.
func readPlaylist(path string, text []byte, clock pipeline.Clock, log *slog.Logger) opener {
	return func(publish func() (*hub.Publisher, error)) (stream, error) {
		in, at, err := newDirectory(path)
		if err != nil {
			return nil, err
		}
		s := &playlist{in: in}
		o := hls.Options{Source: in, Finite: true, Clock: clock, Log: log, Publish: func() (*hub.Publisher, error) {
			var err error
			s.pub, err = publish()
			return s.pub, err
		}}
		if s.player, err = hls.NewPlayer(context.Background(), o, at, at, text); err != nil {
			s.player.Close(nil)
			return nil, errors.Join(err, in.root.Close())
		}
		return s, nil
	}
}

func (s *playlist) step() (end bool, err error) {
	more, err := s.player.Step()
	s.failed = err
	return !more, err
}

// end ends the publication.
func (s *playlist) end(cause media.Cause) {
	if s.ended {
		return
	}
	s.ended = true
	s.player.Close(s.failed)
	if s.pub != nil {
		s.pub.Close(cause)
	}
}

func (s *playlist) published() bool { return s.pub != nil }
func (s *playlist) nothing([]media.Loss) error {
	return errors.New("the playlist has no media that can be read")
}
func (s *playlist) again() error { return errors.New("a playlist cannot be played in a loop") }
func (s *playlist) cut() int     { return 0 }
func (s *playlist) close() error { return s.in.root.Close() }

// pullPlaylist publishes a playlist at the pace of its media.
func (p *puller) pullPlaylist(ctx context.Context, text []byte, publish func(origin string) (*hub.Publisher, error)) error {
	in, at, err := newDirectory(p.cfg.Path)
	if err != nil {
		return err
	}
	defer in.root.Close()
	return hls.Play(ctx, hls.Options{
		Source: in, Finite: p.cfg.Speed != speedRealtime, Clock: p.Clock, Log: p.Log,
		Publish: func() (*hub.Publisher, error) { return publish("file " + filepath.Base(p.cfg.Path)) },
	}, at, at, text)
}
