package cmaf

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/hub"
)

// Config configures the packagers. A field with the zero value gets its default.
type Config struct {
	Part     time.Duration // longest duration of a part, unless one picture lasts longer (200 ms)
	Segment  time.Duration // a segment ends before the first key frame after this duration (1 s)
	Longest  time.Duration // longest duration of a segment, which then ends before any picture (10 s)
	Window   time.Duration // the newest segments that are held (30 s)
	MaxBytes int           // bound of the parts in the window of a stream, except its two newest segments (64 MiB)
	Linger   time.Duration // a packager goes on for this long after its last client (10 s)
	Archive  Archive       // finds what is older than Window; nil: playlists list nothing older
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		of  *time.Duration
		def time.Duration
	}{
		{&c.Part, 200 * time.Millisecond}, {&c.Segment, time.Second}, {&c.Longest, 10 * time.Second},
		{&c.Window, 30 * time.Second}, {&c.Linger, 10 * time.Second},
	} {
		if *d.of <= 0 {
			*d.of = d.def
		}
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 64 << 20
	}
	return c
}

// window returns how much of a window lies in memory, and the whole of it if playlists list more; else 0.
func (c *Config) window(d time.Duration) (held, listed time.Duration) {
	switch {
	case d <= 0:
		return c.Window, 0
	case d <= c.Window || c.Archive == nil:
		return min(d, c.Window), 0
	}
	return c.Window, d
}

// Packagers has a Packager for each stream with clients. It is safe for concurrent use.
type Packagers struct {
	hub   *hub.Hub
	tasks *pipeline.Tasks
	clock pipeline.Clock
	cfg   Config

	mu sync.Mutex // guards by and the shared in it
	by map[string]*shared
}

// shared is a packager with its clients.
type shared struct {
	Packager
	users int
	uses  int    // number of uses so far: a linger ends the packager only if none has begun since
	stop  func() // ends the task without waiting
}

// NewPackagers returns Packagers without a packager.
func NewPackagers(h *hub.Hub, tasks *pipeline.Tasks, clock pipeline.Clock, cfg Config) *Packagers {
	return &Packagers{hub: h, tasks: tasks, clock: clock, cfg: cfg.withDefaults(), by: map[string]*shared{}}
}

// Use is one use of a packager. Its user closes it.
type Use struct {
	*Packager
	leave func()
	from  uint64 // number of the first segment that Window has returned; 0: none. The mutex of the window guards it.
}

// Close ends the use. Later calls have no effect.
func (u *Use) Close() { u.leave() }

// Client returns a client of the packager, which is valid until the use is closed.
func (u *Use) Client() *Client { return &Client{window: &u.Packager.window} }

// Open uses the packager of a stream, which starts it if it does not run. window is the media that its playlists list, from now on;
// 0 is Config.Window. Its errors are those of hub.Read.
func (s *Packagers) Open(path string, window time.Duration) (*Use, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, listed := s.cfg.window(window)
	p := s.by[path]
	if p == nil {
		units, err := s.hub.Read(path, live.Options{})
		if err != nil {
			return nil, err
		}
		behind, err := s.hub.Window(path, s.cfg.Window.Nanoseconds()) // the parts hold these chunks anyway
		if err != nil {
			units.Close()
			return nil, err
		}
		p = &shared{}
		p.keep(held, listed) // before the first part
		p.setUp(s.cfg, path, s.clock, listed)
		leaveBudget := s.hub.Viewers(&p.window)
		ctx, cancel := context.WithCancelCause(context.Background())
		p.stop = func() { cancel(pipeline.ErrStopped) }
		s.by[path] = p
		s.tasks.Go("packager "+path, func(task context.Context) error {
			defer context.AfterFunc(task, p.stop)()
			defer leaveBudget()
			defer behind.Close()
			p.run(ctx, units)
			return nil
		})
	}
	p.keep(held, listed)
	p.users++
	p.uses++
	return &Use{Packager: &p.Packager, leave: sync.OnceFunc(func() { s.leave(p) })}, nil
}

// leave ends a use. The packager ends Config.Linger after its last use.
func (s *Packagers) leave(p *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	uses := p.uses
	s.tasks.Go("linger "+p.path, func(ctx context.Context) error {
		if pipeline.Sleep(ctx, s.clock, s.cfg.Linger, nil) {
			s.end(p, uses)
		}
		return nil
	})
}

func (s *Packagers) end(p *shared, uses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.users == 0 && p.uses == uses {
		delete(s.by, p.path)
		p.stop()
	}
}

// ErrNoTracks is the error of Tracks if players know no track of the stream.
var ErrNoTracks = errors.New("no player knows the codecs of the stream's pictures or sound")

// Tracks waits until the tracks of the stream are known, and returns their Init. Its error is ErrNoTracks if players know
// none of them, ErrEnded, or context.Cause(ctx).
func (u *Use) Tracks(ctx context.Context) (init *Init, err error) {
	w := &u.Packager.window
	err = w.await(ctx, func() bool {
		init = w.init
		return w.known && !w.ended
	})
	if err == nil && init == nil {
		err = ErrNoTracks
	}
	return init, err
}
