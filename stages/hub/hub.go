// Package hub holds the live streams by path: one publisher in, any number of pipelines out, chunks
// shared by reference.
//
//	Publisher --AU--> Builder --*Chunk--> stream --*Chunk--> Subscription (one a pipeline run)
//	    ^ Puller, while the stream has a subscriber          ^ begins with the newest GOP
//
// A publisher never waits for a subscriber: each has its own bounded queue. A full queue drops
// whole GOPs and counts them.
package hub

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

// Config configures the hub. A zero value selects the default.
type Config struct {
	Builder       media.BuilderConfig
	MaxGOPBytes   int           // bounds the newest GOP, which is kept so that a recording begins with its key frame
	MaxQueueBytes int           // bounds a subscription's queue
	Linger        time.Duration // a pulled stream stays connected this long after its last subscriber left (10 s)
	ReadTimeout   time.Duration // of a pulled stream without its own
	WallClock     string        // of a stream without its own, see Timing
	Budget        *media.Budget // of the memory of all chunks; nil: unlimited
	Clock         pipeline.Clock
	Log           *slog.Logger
}

const (
	defaultGOPBytes   = 64 << 20
	defaultQueueBytes = 64 << 20
)

func init() {
	config.OwnDefault("memory/gop", config.Size(defaultGOPBytes))
	config.OwnDefault("memory/queue", config.Size(defaultQueueBytes))
	config.OwnDefault("flush_interval", config.Duration(media.DefaultFlush))
	config.OwnDefault("flush_bytes", config.Size(media.DefaultMaxBytes))
}

func (c Config) withDefaults() Config {
	if c.MaxGOPBytes <= 0 {
		c.MaxGOPBytes = defaultGOPBytes
	}
	if c.MaxQueueBytes <= 0 {
		c.MaxQueueBytes = defaultQueueBytes
	}
	if c.Linger <= 0 {
		c.Linger = 10 * time.Second
	}
	if c.Clock == nil {
		c.Clock = pipeline.SystemClock
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// Errors of publishing.
var (
	ErrBusy     = errors.New("the path already has a publisher")
	ErrReplaced = errors.New("another publisher took the path over")
	ErrClosed   = errors.New("the publisher is closed")
)

// Hub is the set of live and configured streams. It is safe for concurrent use.
type Hub struct {
	pool  *media.Pool
	tasks *pipeline.Tasks
	cfg   Config

	mu      sync.Mutex // guards streams and closed
	streams map[string]*stream
	watch   func(path string)
	left    func(Departure)
	closed  bool

	recordings  Recordings // nil: the hub keeps a GOP of every stream
	leaveBudget func()
}

// New returns an empty hub.
func New(pool *media.Pool, tasks *pipeline.Tasks, cfg Config) *Hub {
	h := &Hub{pool: pool, tasks: tasks, cfg: cfg.withDefaults(), streams: map[string]*stream{}}
	h.leaveBudget = h.cfg.Budget.JoinLast(newest{h})
	return h
}

// Watch sets the function that is called with the path of each new publisher once its tracks are
// known. It is called on the publisher's goroutine and must not wait. Set it before the first
// publisher.
func (h *Hub) Watch(began func(path string)) { h.watch = began }

// Departure describes the end of a publisher whose tracks were known.
type Departure struct {
	Path  string
	Last  time.Time // of the stream's last access unit; zero without any
	Since time.Time // end of the media: the publisher left, or fell silent before
}

// WatchDepartures sets the function that is called at each departure, while the path still exists.
// It must not wait, nor use the publisher. Set it before the first publisher.
func (h *Hub) WatchDepartures(left func(Departure)) { h.left = left }

// Recordings reports which streams need their newest GOP.
type Recordings interface {
	// MayBegin reports whether a subscriber that begins with the newest GOP may still come to a
	// path. It is called with no lock of the hub held.
	MayBegin(path string) bool
	// Generation changes whenever an answer of MayBegin may change. It is called for each chunk.
	Generation() uint64
}

// KeepGOPs sets the recordings that decide whether to keep the newest GOP of a stream. Without them
// the hub keeps the GOP of every stream. It is called before the first publisher.
func (h *Hub) KeepGOPs(r Recordings) { h.recordings = r }

// PublishOptions describe a publisher to the hub.
type PublishOptions struct {
	Origin   string // shown in status: "rtsp 127.0.0.1:5555"; never a secret
	Override bool   // take the path over from its publisher
	Client   Client // the publishing client

	// Silence returns the time since the publisher last sent something. It is called when another
	// publisher requests the path. Without it the publisher never counts as silent.
	Silence func() time.Duration // NotBegun: it has only announced itself
	// GiveUp, set with Silence, ends the publisher's side, because it was silent and another
	// publisher takes its path. It writes the media that it still holds, calls end, which ends the
	// publication, and only then closes the connection. It must not wait.
	GiveUp func(end func())
}

// Publish begins a publication. It returns ErrBusy for a path with a publisher, unless that
// publisher is silent (see Client), or Override is set in the options or configured for the path:
// then the old publisher ends.
func (h *Hub) Publish(path string, o PublishOptions) (*Publisher, error) {
	if err := streampath.Check(path); err != nil {
		return nil, err
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	s := h.stream(path)
	s.refs++ // keeps the stream while it has a publisher
	h.mu.Unlock()
	p := newPublisher(s, o, h.watch)
	if err := s.attach(p); err != nil {
		h.leave(s)
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Subscribe subscribes to a path, whether or not the stream is live or configured yet. The caller
// closes the subscription.
func (h *Hub) Subscribe(path string) (*Subscription, error) {
	if err := streampath.Check(path); err != nil {
		return nil, err
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	s := h.stream(path)
	s.refs++
	h.mu.Unlock()
	sub := newSubscription(s, h.pool, h.cfg.MaxQueueBytes)
	sub.leaveBudget = h.cfg.Budget.Join(path, sub)
	s.subscribe(sub)
	return sub, nil
}

// Live reports whether a path has a publisher whose tracks are known.
func (h *Hub) Live(path string) bool {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	return s != nil && s.live()
}

// Announced reports whether a path has a publisher, with or without known tracks.
func (h *Hub) Announced(path string) bool {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	return s != nil && s.announced()
}

// Configured reports whether Configure has set a path.
func (h *Hub) Configured(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.streams[path]
	return s != nil && s.configured.Load()
}

// Vacant reports whether a path has neither a publisher with known tracks nor a pull, whose
// failures are problems of their own. named is the time when the configuration began to name the
// path, zero when it does not.
func (h *Hub) Vacant(path string) (named time.Time, vacant bool) {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	if s == nil {
		return time.Time{}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.named, s.set == nil && s.pull == nil
}

// Paths returns the sorted paths of the streams that are live, configured or have a subscriber.
func (h *Hub) Paths() []string {
	h.mu.Lock()
	all := slices.Collect(maps.Keys(h.streams))
	h.mu.Unlock()
	slices.Sort(all)
	return all
}

// List describes the same streams, sorted by path.
func (h *Hub) List() []media.StreamInfo {
	h.mu.Lock()
	all := make([]*stream, 0, len(h.streams))
	for _, s := range h.streams {
		all = append(all, s)
	}
	h.mu.Unlock()
	out := make([]media.StreamInfo, 0, len(all))
	for _, s := range all {
		out = append(out, s.info())
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

// Close ends every publisher and subscription and accepts no further ones. Pulls end with the
// tasks.
func (h *Hub) Close() {
	h.leaveBudget()
	h.mu.Lock()
	h.closed = true
	all := make([]*stream, 0, len(h.streams))
	for _, s := range h.streams {
		all = append(all, s)
	}
	h.mu.Unlock()
	for _, s := range all {
		s.close()
	}
}

func (h *Hub) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// stream returns the stream of a path, a new one if needed. The caller holds h.mu.
func (h *Hub) stream(path string) *stream {
	s := h.streams[path]
	if s == nil {
		s = &stream{hub: h, path: path, subs: map[*Subscription]struct{}{}, log: h.cfg.Log.With("stream", path)}
		s.builder = media.NewBuilder(h.pool, h.cfg.Builder, s.fanOut)
		h.streams[path] = s
	}
	return s
}

// leave ends one use of a stream, and deletes an unused stream.
func (h *Hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.refs--; s.refs == 0 && !s.configured.Load() {
		delete(h.streams, s.path)
	}
}
