package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

const scheme = "file"

func init() { hub.RegisterScheme(scheme, newPuller) }

// Parse returns the settings in a URL such as file:PATH?speed=realtime&loop=true. Without the option speed, the
// speed is realtime. The error names the wrong part of the URL.
func Parse(u *url.URL) (Config, error) {
	c := Config{Path: u.Path, Speed: speedRealtime}
	if u.Opaque != "" {
		path, err := url.PathUnescape(u.Opaque)
		if err != nil {
			return c, errors.New("file: the path cannot be read: write % as %25")
		}
		c.Path = path
	}
	if u.Scheme != scheme || u.Host != "" || u.User != nil || u.Fragment != "" || c.Path == "" {
		return c, errors.New("file: write file:PATH?speed=max|realtime&loop=true|false, with ? and # in the path as %3F and %23")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return c, errors.New("file: the options cannot be read: write speed=realtime&loop=true")
	}
	for key, values := range query {
		switch value := values[len(values)-1]; {
		case key == "speed":
			c.Speed = value
		case key == "loop" && (value == "true" || value == "false"):
			c.Loop = value == "true"
		case key == "loop":
			return c, fmt.Errorf("file: loop=%.20q: it is true or false", value)
		default:
			return c, fmt.Errorf("file: there is no option %.20q; known are speed and loop", key)
		}
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("file: %w", err)
	}
	return c, nil
}

// puller publishes a file on the hub. Each call of Pull begins at the beginning of the file.
type puller struct {
	hub.PullOptions
	cfg        Config
	pool       *media.Pool // of the reader's chunks, which are copied into the stream's pool
	nextMonoNS int64       // MonoNS of the first access unit of the next Pull
}

func newPuller(o hub.PullOptions) (hub.Puller, error) {
	if o.Fingerprint != "" {
		return nil, errors.New("tls.fingerprint has no effect with file: it is for connections by TLS")
	}
	cfg, err := Parse(o.URL)
	if err != nil {
		return nil, err
	}
	return &puller{PullOptions: o, cfg: cfg, pool: media.NewPool(1 << 20)}, nil
}

// Pull publishes the file. It returns nil at the end of the file, the cause of ctx when that ends, and the error by
// which the publisher ends.
func (p *puller) Pull(ctx context.Context, publish func(origin string) (*hub.Publisher, error)) error {
	if f := openTransportStream(p.cfg.Path); f != nil {
		defer f.Close()
		return p.pullTransportStream(ctx, f, publish)
	}
	if text := readLocalPlaylist(p.cfg.Path); text != nil {
		return p.pullPlaylist(ctx, text, publish)
	}
	r, err := Open(p.cfg.Path, p.pool, media.DefaultFlush, p.Clock.Now(), p.Log)
	if err != nil {
		return err
	}
	defer r.Close()
	pub, err := publish("file " + filepath.Base(p.cfg.Path))
	if err != nil {
		return err
	}
	if err := pub.SetTracks(r.Tracks().Tracks); err != nil {
		return err
	}
	src := source{cfg: p.cfg, pool: p.pool, clock: p.Clock, log: p.Log, r: r}
	l := player{pub: pub, r: r, pace: pace{clock: p.Clock, realtime: p.cfg.Speed == speedRealtime}, firstMonoNS: p.nextMonoNS}
	l.watch(r.Tracks().Tracks, p.Log)
	defer func() { p.nextMonoNS = l.lastMonoNS + int64(time.Second) }()
	for {
		c, err := src.next()
		switch {
		case errors.Is(err, io.EOF), isEnd(err):
			return nil
		case err != nil:
			return err
		}
		err = l.play(ctx, c)
		c.Release()
		if err != nil {
			return err
		}
	}
}
