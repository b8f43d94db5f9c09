package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// streamReader makes chunks from a stream of media: a transport stream, or a playlist. The stream is published to a hub of
// the reader's own, whose only subscription the reader empties before it reads on. So no queue can overflow, and the chunks
// have no gaps: what is missing in the stream is counted as lost.
type streamReader struct {
	name  string // file name without directory, for errors
	from  stream
	hub   *hub.Hub
	sub   *hub.Subscription
	empty context.Context // has ended: Take then does not wait
	loop  bool            // the stream begins again at its end
	ended bool            // the stream was read to its end
	early earlySound
	ready []*media.Chunk // the next chunks

	chunks   int    // number of chunks so far
	firstUTC int64  // wall clock of the first one, ns
	units    uint64 // number of access units when the file was begun again

	mu     sync.Mutex   // guards the fields below
	closed bool         // the hub no longer knows the losses
	losses []media.Loss // when the reader was closed
}

// streamPath is the path of the file in the reader's hub.
const streamPath = "file"

// largeQueueBytes bounds a queue that holds no more than the media of one piece of the file.
const largeQueueBytes = 1 << 30

// keepsNoGOP tells a hub that no recording will begin later.
type keepsNoGOP struct{}

func (keepsNoGOP) MayBegin(string) (may bool, jobs int) { return false, 0 }
func (keepsNoGOP) Generation() uint64                   { return 0 }

// stream is what a streamReader reads.
type stream interface {
	// step publishes a piece of the stream. end reports that it was the last one.
	step() (end bool, err error)
	// end ends the publication.
	end(cause media.Cause)
	// published reports whether the publication has begun.
	published() bool
	// nothing returns the error of a stream without media; losses are what could not be read.
	nothing(losses []media.Loss) error
	// again begins the stream again behind its end. The times go on.
	again() error
	// cut returns the number of bytes that are too few for a unit of the container, at the end of the stream.
	cut() int
	close() error
}

// opener opens a stream that is published by a call of publish.
type opener func(publish func() (*hub.Publisher, error)) (stream, error)

// newStreamReader returns a reader of a stream, which it closes. With loop the media goes on at the end of the stream: see
// Again. The pulls of a hub are tasks; this hub has none.
func newStreamReader(path string, open opener, pool *media.Pool, loop bool, clock pipeline.Clock, log *slog.Logger) (*streamReader, error) {
	r := &streamReader{name: filepath.Base(path), loop: loop, early: earlySound{pool: pool}}
	r.hub = hub.New(pool, nil, hub.Config{MaxQueueBytes: largeQueueBytes, Clock: clock, Log: log})
	r.hub.KeepGOPs(keepsNoGOP{})
	var err error
	r.from, err = open(func() (*hub.Publisher, error) {
		return r.hub.Publish(streamPath, hub.PublishOptions{Origin: "file " + r.name})
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	if r.sub, err = r.hub.Subscribe(streamPath); err != nil {
		return nil, errors.Join(err, r.from.close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.empty = ctx
	return r, nil
}

// Next returns the next chunk. It returns an error if the file has no media, and if a part of it is scrambled.
func (r *streamReader) Next() (*media.Chunk, error) {
	for {
		if len(r.ready) > 0 {
			return r.passed(), nil
		}
		c, err := r.sub.Take(r.empty)
		switch {
		case c != nil && c.Mark != nil:
			c.Release()
			continue
		case c != nil:
			r.ready = r.early.put(c)
			continue
		case isEnd(err): // of a publication, which a change of codecs ends, too
			continue
		case r.ended && len(r.early.held) > 0: // there is no picture
			r.ready = r.early.rest()
			continue
		case r.ended:
			return nil, r.end()
		}
		if err := r.read(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
}

// read reads a piece of the stream.
func (r *streamReader) read() (err error) {
	r.ended, err = r.from.step()
	switch {
	case err != nil || !r.ended:
	case r.loop && r.from.published():
		err = r.from.again()
	default:
		r.from.end(endcause.EndOfFile)
	}
	return err
}

// passed returns the next chunk that is ready, which has this reader as its only user.
func (r *streamReader) passed() *media.Chunk {
	c := r.ready[0]
	r.ready = r.ready[1:]
	c.Gap, c.SteppedNS = media.Gap{}, 0
	if r.chunks++; r.chunks == 1 {
		r.firstUTC = c.UTC
	}
	return c
}

// end returns the error of Next at the end of the file.
func (r *streamReader) end() error {
	scrambled := func(l media.Loss) bool { return l.Cause == media.DropScrambled }
	switch {
	case slices.ContainsFunc(r.Losses(), scrambled):
		return fmt.Errorf("%s: %w", r.name, mpegts.ErrScrambled)
	case r.chunks == 0 && !r.from.published():
		return fmt.Errorf("%s: %w", r.name, r.from.nothing(r.Losses()))
	}
	return io.EOF
}

// Losses returns what could not be read, by cause. Other goroutines may call it.
func (r *streamReader) Losses() []media.Loss {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return r.losses
	}
	info, _ := r.hub.Info(streamPath)
	return info.Losses
}

// Again continues with the beginning of the file, whose times follow those of its end. It returns an error if the file has
// brought no access unit since it began.
func (r *streamReader) Again() error {
	info, _ := r.hub.Info(streamPath)
	if info.AccessUnits == r.units {
		return fmt.Errorf("%s: it has no media: it cannot be played in a loop", r.name)
	}
	r.units, r.ended = info.AccessUnits, false
	return nil
}

// Cut returns the number of bytes of an incomplete packet at the end of the file.
func (r *streamReader) Cut() int64 { return int64(r.from.cut()) }

// EndNS returns the end of a chunk, ns since the first one.
func (r *streamReader) EndNS(c *media.Chunk) int64 { return c.UTC + c.SpanNS() - r.firstUTC }

// Close closes the file, and releases the chunks that were not read.
func (r *streamReader) Close() error {
	losses := r.Losses()
	r.mu.Lock()
	r.closed, r.losses = true, losses
	r.mu.Unlock()
	r.from.end(endcause.Shutdown)
	for _, c := range append(r.early.rest(), r.ready...) {
		c.Release()
	}
	r.sub.Close()
	r.hub.Close()
	return r.from.close()
}
