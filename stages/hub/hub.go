// Package hub holds the live streams by path: one publisher in, any number of
// pipelines out, chunks shared by reference.
//
//	Publisher --AU--> Builder --*Chunk--> stream --*Chunk--> Subscription (one a pipeline run)
//	    ^ Puller, while somebody is subscribed               ^ begins with the newest GOP
//
// A publisher never waits for a subscriber: each has its own bounded queue, and
// one that is full loses whole GOPs, counted.
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

// Config is the hub's; a zero value means its default.
type Config struct {
	Builder       media.BuilderConfig
	MaxGOPBytes   int           // of the newest GOP, kept so that a recording begins with its key frame
	MaxQueueBytes int           // a subscription's queue
	Linger        time.Duration // a pulled stream stays connected this long after its last subscriber left (10 s)
	ReadTimeout   time.Duration // of a stream that is pulled and has none of its own
	WallClock     string        // of a stream that has none of its own, see Timing
	Budget        *media.Budget // of the memory of all chunks; nil is none
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

// The errors of publishing.
var (
	ErrBusy     = errors.New("the path has a publisher already")
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

	recordings  Recordings // nil: a GOP is kept of every stream
	leaveBudget func()
}

// New makes an empty hub.
func New(pool *media.Pool, tasks *pipeline.Tasks, cfg Config) *Hub {
	h := &Hub{pool: pool, tasks: tasks, cfg: cfg.withDefaults(), streams: map[string]*stream{}}
	h.leaveBudget = h.cfg.Budget.JoinLast(newest{h})
	return h
}

// Watch sets the function that is told each path on which a publisher has
// begun, after its tracks are known. It is called on the publisher's goroutine
// and must not wait. Set it before the first publisher.
func (h *Hub) Watch(began func(path string)) { h.watch = began }

// Departure is the end of a publisher whose tracks were known.
type Departure struct {
	Path  string
	Last  time.Time // of the stream's last access unit; zero: it has had none
	Since time.Time // no media has come since: the publisher left, or had fallen silent before
}

// WatchDepartures sets the function that is told of each departure, while the path is
// still known for it. It must not wait, nor use the publisher. Set it before the first
// publisher.
func (h *Hub) WatchDepartures(left func(Departure)) { h.left = left }

// Recordings know which streams have a use for their newest GOP.
type Recordings interface {
	// MayBegin reports whether a subscriber may yet come to a path that begins with
	// the newest GOP. It is called with no lock of the hub held.
	MayBegin(path string) bool
	// Generation is another number whenever an answer of MayBegin may be another. It
	// is called for each chunk.
	Generation() uint64
}

// KeepGOPs sets who is asked whether the newest GOP of a stream is kept; without it
// one is kept of every stream. It is called before the first publisher.
func (h *Hub) KeepGOPs(r Recordings) { h.recordings = r }

// PublishOptions tell the hub about a publisher.
type PublishOptions struct {
	Origin   string // shown in status: "rtsp 127.0.0.1:5555"; never a secret
	Override bool   // take the path over from its publisher
	Client   Client // who publishes

	// Silence tells how long nothing has come from the publisher, when another one
	// wants its path. Without it the publisher never counts as silent.
	Silence func() time.Duration // NotBegun: it announced itself only
	// GiveUp, set with Silence, ends the publisher's side, because it was silent and
	// another one takes its path. It writes what it still holds, calls end, which
	// ends the publication, and only then hangs up. It must not wait.
	GiveUp func(end func())
}

// Publish begins a publication. A path with a publisher gives ErrBusy, unless
// that has fallen silent (see Client), or Override is set or was configured for
// the path: then the old publisher ends.
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

// Subscribe asks for a stream that may be live, configured or neither yet. The
// caller closes the subscription.
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

// Announced reports whether a path has a publisher, whose tracks may not be known
// yet.
func (h *Hub) Announced(path string) bool {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	return s != nil && s.announced()
}

// Configured reports whether a path was given by Configure.
func (h *Hub) Configured(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.streams[path]
	return s != nil && s.configured.Load()
}

// Vacant reports whether a path has no publisher whose tracks are known, and none is
// fetched by a pull, whose failures are problems of their own. named is when the
// configuration began to name the path; zero: it does not.
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

// Paths lists the paths of the streams that are live or configured, or waited for, in order.
func (h *Hub) Paths() []string {
	h.mu.Lock()
	all := slices.Collect(maps.Keys(h.streams))
	h.mu.Unlock()
	slices.Sort(all)
	return all
}

// List describes every live or configured stream, by path.
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

// Close ends every publisher and subscription and takes no more. Pulls end with
// the tasks.
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

// stream finds or makes the stream of a path. The caller holds h.mu.
func (h *Hub) stream(path string) *stream {
	s := h.streams[path]
	if s == nil {
		s = &stream{hub: h, path: path, subs: map[*Subscription]struct{}{}, log: h.cfg.Log.With("stream", path)}
		s.builder = media.NewBuilder(h.pool, h.cfg.Builder, s.fanOut)
		h.streams[path] = s
	}
	return s
}

// leave ends one use of a stream, and forgets a stream without any.
func (h *Hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.refs--; s.refs == 0 && !s.configured.Load() {
		delete(h.streams, s.path)
	}
}
