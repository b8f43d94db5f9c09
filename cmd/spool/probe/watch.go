package probe

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// How long a stream is watched without --duration: watchLeast, and at most watchMost until wantedGOPs are complete.
const (
	watchLeast = 5 * time.Second
	watchMost  = 30 * time.Second
	wantedGOPs = 2

	firstMost = time.Minute            // bounds the wait for the first key frame
	chunkTime = 200 * time.Millisecond // the watcher considers its end after each chunk
	stopTime  = 5 * time.Second        // bounds the time in which the connection is closed
)

var (
	errWatched    = errors.New("the stream was watched for the wanted time")
	errNoKeyFrame = errors.New("no key frame came within a minute")
)

// streamPath is the name of the watched stream in the hub, which has no other stream.
const streamPath = "probe"

// watch makes the report of a live stream.
func (c *Command) watch(ctx context.Context) (*Report, error) {
	log := slog.New(slog.DiscardHandler) // the error that is returned names the cause
	tasks, pool := pipeline.NewTasks(log, pipeline.SystemClock), media.NewPool(poolBytes)
	defer func() {
		stop, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		_ = tasks.Stop(stop) // a task that still runs ends with the process
	}()
	h := hub.New(pool, tasks, hub.Config{Builder: media.BuilderConfig{Flush: chunkTime}, Log: log})
	defer h.Close()
	puller, err := hub.NewPuller(c.Source, hub.PullOptions{
		Path: streamPath, Transport: c.Transport, Fingerprint: c.Fingerprint, Log: log, Clock: pipeline.SystemClock, Go: tasks.Go,
	})
	if err != nil {
		return nil, err
	}
	sub, err := h.Subscribe(streamPath)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	pulled := make(chan error, 1)
	tasks.Go("probe", func(task context.Context) error {
		pull(task, puller, h, pulled, end)
		return nil
	})
	w := watcher{wanted: c.Duration}
	err = w.watch(ctx, sub)
	if len(w.tracks) > 0 {
		return w.report(c.Source, h.List()[0]), nil
	}
	select {
	case ended := <-pulled:
		if ended != nil {
			return nil, ended
		}
		return nil, errors.New("the stream ended before its first key frame")
	default:
		return nil, err
	}
}

// pull publishes the stream in the hub, once. It sends the error of the pull to pulled, and then closes the publisher,
// which ends the subscription behind the last chunk. Without a publisher, it calls end.
func pull(ctx context.Context, puller hub.Puller, h *hub.Hub, pulled chan<- error, end context.CancelCauseFunc) {
	var pub *hub.Publisher
	err := puller.Pull(ctx, func(origin string) (*hub.Publisher, error) {
		var err error
		pub, err = h.Publish(streamPath, hub.PublishOptions{Origin: origin})
		return pub, err
	})
	pulled <- err
	if pub != nil {
		pub.Close(endcause.SourceLost)
		return
	}
	end(err)
}

// watcher gathers the figures of a stream.
type watcher struct {
	wanted time.Duration // from --duration; 0: see watchLeast
	began  time.Time     // when the first chunk came
	tracks []*trackProbe
	keys   []watchedKey // parallel to tracks
	buf    []byte
}

// watchedKey is the newest sync sample of a track.
type watchedKey struct {
	finder *idrFinder
	idr    bool
}

func (k *watchedKey) closes() bool { return k.idr }

// watch takes chunks until the stream was watched for the wanted time, its tracks change, it ends, or ctx ends. It
// returns the reason.
func (w *watcher) watch(ctx context.Context, sub *hub.Subscription) error {
	chunk, err := takeFirst(ctx, sub)
	if err != nil {
		return err
	}
	w.began = time.Now()
	ctx, stop := context.WithTimeoutCause(ctx, cmp.Or(w.wanted, watchMost), errWatched)
	defer stop()
	for {
		more := w.add(chunk)
		chunk.Release()
		if !more {
			return errWatched
		}
		if chunk, err = sub.Take(ctx); err != nil {
			return err
		}
	}
}

// takeFirst waits for the first chunk, which begins with a key frame.
func takeFirst(ctx context.Context, sub *hub.Subscription) (*media.Chunk, error) {
	ctx, stop := context.WithTimeoutCause(ctx, firstMost, errNoKeyFrame)
	defer stop()
	return sub.Take(ctx)
}

// add adds a chunk. It returns false if the stream was watched for long enough, or if its tracks have changed.
func (w *watcher) add(c *media.Chunk) bool {
	if c.Mark != nil {
		return true
	}
	if w.tracks == nil {
		w.keys = make([]watchedKey, len(c.Set.Tracks))
		for i := range c.Set.Tracks {
			w.tracks = append(w.tracks, newTrackProbe(&c.Set.Tracks[i], i+1, 0))
			w.keys[i].finder = newIDRFinder(&c.Set.Tracks[i])
		}
	}
	if len(c.Set.Tracks) != len(w.tracks) {
		return false
	}
	for i := range c.Tracks {
		if t := w.tracks[i].track; t.Codec != c.Set.Tracks[i].Codec || t.Timescale != c.Set.Tracks[i].Timescale {
			return false
		}
		w.addColumns(i, &c.Tracks[i])
	}
	return w.wanted > 0 || time.Since(w.began) < watchLeast || w.gops() < wantedGOPs
}

// addColumns adds the access units of a track.
func (w *watcher) addColumns(track int, col *media.Columns) {
	p, key, from := w.tracks[track], &w.keys[track], 0
	for k := range col.DTS {
		u := unit{
			dts: col.DTS[k], offset: int64(col.OffsetTicks[k]), duration: col.DurationTicks(k), bytes: int64(col.SizeBytes[k]),
			sync: col.Flags[k]&media.FlagSync != 0,
		}
		if u.sync && p.track.Kind() == media.Video {
			w.buf = w.buf[:0]
			for _, b := range col.Payload.Slices(nil, from, min(int(u.bytes), keyBytes)) {
				w.buf = append(w.buf, b...)
			}
			key.idr = key.finder.in(w.buf)
		}
		from += int(u.bytes)
		p.add(u, key.closes)
	}
}

// gops returns the number of complete GOPs of the first track of pictures. It returns wantedGOPs for a stream of sound.
func (w *watcher) gops() int64 {
	if p := first(w.tracks, media.Video); p != nil {
		return p.gops.frames.n
	}
	return wantedGOPs
}

func (w *watcher) report(source string, info media.StreamInfo) *Report {
	u, err := url.Parse(source)
	if err != nil { // hub.NewPuller has parsed it
		u = nil
	}
	out := makeReport(config.ShownURL(u), w.tracks, true)
	out.Container.Format = "live"
	for _, reason := range info.Unrecorded {
		out.LeftOut = append(out.LeftOut, LeftOut{Reason: reason})
	}
	for _, l := range info.Losses {
		out.Losses = append(out.Losses, Count{l.Cause, l.Count})
	}
	for _, r := range info.Repairs {
		out.Repairs = append(out.Repairs, Count{r.Cause, r.Count})
	}
	return out
}
