// Package hub holds the live streams by path. A stream has one publisher and any number of
// subscriptions, which share its chunks by reference count.
//
//	Publisher --AU--> Builder --*Chunk--> stream --*Chunk--> Subscription (one a pipeline run)
//	    ^ Puller, while the stream has a subscriber          ^ begins with the newest GOP
//
// A publisher never waits for a subscription: each subscription has a bounded queue of its own. A
// full queue drops whole GOPs and counts them.
package hub

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

// Config configures the hub. A field with the zero value gets its default.
type Config struct {
	Builder        media.BuilderConfig
	MaxGOPBytes    int           // memory of the newest GOP kept of a stream; a larger GOP is not kept (64 MiB)
	MaxQueueBytes  int           // memory of the queue of one subscription (64 MiB)
	ServesReaders  bool          // clients may read streams (Hub.Read): the hub keeps the newest GOP of every stream
	Linger         time.Duration // a pulled stream stays connected this long after its last subscription or reader ended (10 s)
	ReadTimeout    time.Duration // of a pull whose StreamConfig sets no ReadTimeout; 0: the puller's own
	ReconnectGrace time.Duration // of a stream whose StreamConfig sets none: see Publisher.Disconnect; 0: the runs end at once
	WallClock      string        // of a stream whose StreamConfig sets no WallClock; see WallClockArrival
	G711           string        // of a stream whose StreamConfig sets no G711; see G711Keep
	Budget         *media.Budget // bound on the memory of all chunks of the process; nil: no bound
	Clock          pipeline.Clock
	Log            *slog.Logger
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

// Errors of Publish, of Subscribe and of a Publisher's methods.
var (
	ErrBusy     = errors.New("the path already has a publisher")
	ErrReplaced = errors.New("another publisher took the path over")
	ErrClosed   = errors.New("the publisher is closed")
)

// Hub is the set of streams that have a publisher or a subscription, or are configured. It is safe
// for concurrent use.
type Hub struct {
	pool  *media.Pool
	tasks *pipeline.Tasks
	cfg   Config

	mu      sync.Mutex // guards streams and closed
	streams map[string]*stream
	watch   func(path string)
	left    func(Departure)
	closed  bool

	pullsAlways atomic.Bool // PullAlways was called

	recordings  Recordings // nil: the hub keeps the newest GOP of every stream
	leaveBudget func()
}

// New returns a hub without streams. Its chunks come from pool; its pulls run as tasks.
func New(pool *media.Pool, tasks *pipeline.Tasks, cfg Config) *Hub {
	h := &Hub{pool: pool, tasks: tasks, cfg: cfg.withDefaults(), streams: map[string]*stream{}}
	h.leaveBudget = h.cfg.Budget.JoinLast(newest{h})
	return h
}

// Watch sets a function that the hub calls with the path of each new publisher once its tracks are
// known. The function runs on the publisher's goroutine and must not block. Watch is called before
// the first Publish.
func (h *Hub) Watch(began func(path string)) { h.watch = began }

// Departure describes the end of a publisher whose tracks were known.
type Departure struct {
	Path  string
	Last  time.Time // time of the stream's last access unit; zero if it had none
	Since time.Time // when the publisher left, or when it fell silent if it was silent at its end
}

// WatchDepartures sets a function that the hub calls at each departure, while the stream still
// exists. The function must not block and must not use the publisher. WatchDepartures is called
// before the first Publish.
func (h *Hub) WatchDepartures(left func(Departure)) { h.left = left }

// Recordings decides for which streams the hub keeps the newest GOP.
type Recordings interface {
	// MayBegin reports whether a recording of the path may still begin, so that the hub must keep
	// the newest GOP. Otherwise jobs is the number of the recordings: the hub must keep the GOP until
	// each of them has a subscription. The hub holds no lock during the call.
	MayBegin(path string) (may bool, jobs int)
	// Generation returns a number that changes whenever a result of MayBegin may have changed. The
	// hub calls it for each chunk.
	Generation() uint64
}

// KeepGOPs sets the recordings that decide for which streams the hub keeps the newest GOP. Without
// this call the hub keeps it for every stream. KeepGOPs is called before the first Publish.
func (h *Hub) KeepGOPs(r Recordings) { h.recordings = r }

// PublishOptions describes a publisher to the hub.
type PublishOptions struct {
	Origin   string // shown in the status, such as "rtsp 127.0.0.1:5555"; never a secret
	Override bool   // replace the path's publisher even if that one sends
	Client   Client // the publishing client

	// Silence returns the time since the publisher last sent something, or NotBegun. The hub calls
	// it when another publisher requests the path. A publisher without Silence never counts as
	// silent.
	Silence func() time.Duration
	// GiveUp is required with Silence. The hub calls it when another publisher takes the path
	// because this one was silent. GiveUp writes the media that the publisher still holds, calls
	// end, which ends the publication, and then closes the connection. It must not block.
	GiveUp func(end func())
}

// Publish begins a publication. If the path has a publisher, Publish ends that publisher when
// Override is set in the options or configured for the path, or when the publisher is silent: it
// has sent nothing at all, or nothing for two seconds if the new publisher has the same user or
// host, otherwise for five (see PublishOptions.Silence). Any other publisher stays, and Publish
// returns ErrBusy. After Hub.Close it returns ErrClosed.
func (h *Hub) Publish(path string, o PublishOptions) (*Publisher, error) {
	s, err := h.use(path) // a stream exists as long as it has a publisher
	if err != nil {
		return nil, err
	}
	p := newPublisher(s, o, h.watch)
	if err := s.attach(p); err != nil {
		h.leave(s)
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Subscribe begins to read the stream of a path, which need not be live or configured yet. The
// caller closes the subscription. After Hub.Close it returns ErrClosed.
func (h *Hub) Subscribe(path string) (*Subscription, error) {
	s, err := h.use(path)
	if err != nil {
		return nil, err
	}
	sub := newSubscription(s, h.pool, h.cfg.MaxQueueBytes)
	sub.leaveBudget = h.cfg.Budget.Join(path, sub)
	s.subscribe(sub)
	return sub, nil
}

// Live reports whether the path has a publisher whose tracks are known.
func (h *Hub) Live(path string) bool {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	return s != nil && s.live()
}

// Announced reports whether the path has a publisher, whether or not its tracks are known.
func (h *Hub) Announced(path string) bool {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	return s != nil && s.announced()
}

// Configured reports whether the path is configured: Configure was called for it, and Forget was
// not called since.
func (h *Hub) Configured(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.streams[path]
	return s != nil && s.configured.Load()
}

// Vacant reports whether the path has no publisher with known tracks and no pull. A path with a
// pull is never vacant, because a failing pull is a problem of its own. named is the time at which
// the configuration began to name the path; it is zero if the configuration does not name the path.
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

// Paths returns the paths of the streams that have a publisher or a subscription, or are
// configured, sorted.
func (h *Hub) Paths() []string {
	h.mu.Lock()
	all := slices.Collect(maps.Keys(h.streams))
	h.mu.Unlock()
	slices.Sort(all)
	return all
}

// List describes the streams of Paths, in the same order.
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

// Close ends every publisher and every subscription. Later calls of Publish and Subscribe return
// ErrClosed. Close does not end pulls: they end with the tasks passed to New.
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

// use returns the stream of a path, and counts a use of it, which the caller ends with leave.
func (h *Hub) use(path string) (*stream, error) {
	if err := streampath.Check(path); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	s := h.stream(path)
	s.refs++
	return s, nil
}

// stream returns the stream of a path, which it creates if needed. The caller holds h.mu.
func (h *Hub) stream(path string) *stream {
	s := h.streams[path]
	if s == nil {
		s = &stream{hub: h, path: path, subs: map[*Subscription]struct{}{}, log: h.cfg.Log.With("stream", path)}
		s.builder = media.NewBuilder(h.pool, h.cfg.Builder, s.fanOut)
		h.streams[path] = s
	}
	return s
}

// leave ends one use of a stream, which stream.refs counts. It deletes a stream that has no other
// use and is not configured.
func (h *Hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.refs--; s.refs == 0 && !s.configured.Load() {
		delete(h.streams, s.path)
	}
}
