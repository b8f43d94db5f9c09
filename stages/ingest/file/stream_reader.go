package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// streamReader makes chunks from a transport stream. The demuxer publishes to a hub of the reader's own, whose only
// subscription the reader empties before it reads on. So no queue can overflow, and the chunks have no gaps: what is
// missing in the file is counted as lost.
type streamReader struct {
	f       *os.File
	name    string // file name without directory, for errors
	hub     *hub.Hub
	sub     *hub.Subscription
	demuxer *mpegts.Demuxer
	player  mpegts.Player
	empty   context.Context // has ended: Take then does not wait
	loop    bool            // the file begins again at its end
	ended   bool            // the file was read to its end
	early   earlySound
	ready   []*media.Chunk // the next chunks

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

// newStreamReader returns a reader of f, which it closes. With loop the media goes on at the end of the file: see Again. The
// pulls of a hub are tasks; this hub has none.
func newStreamReader(f *os.File, pool *media.Pool, loop bool, clock pipeline.Clock, log *slog.Logger) (*streamReader, error) {
	r := &streamReader{f: f, name: filepath.Base(f.Name()), loop: loop, early: earlySound{pool: pool}}
	r.hub = hub.New(pool, nil, hub.Config{MaxQueueBytes: largeQueueBytes, Clock: clock, Log: log})
	r.hub.KeepGOPs(keepsNoGOP{})
	var err error
	if r.sub, err = r.hub.Subscribe(streamPath); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.demuxer = mpegts.NewDemuxer(mpegts.Options{Clock: clock, Log: log, Finite: true, Publish: func() (*hub.Publisher, error) {
		return r.hub.Publish(streamPath, hub.PublishOptions{Origin: "file " + r.name})
	}})
	r.player = mpegts.Player{Demuxer: r.demuxer, Clock: clock}
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

// read reads a piece of the file.
func (r *streamReader) read() (err error) {
	r.ended, err = r.player.Step(r.f)
	switch {
	case err != nil || !r.ended:
	case r.loop && r.demuxer.Publisher() != nil:
		r.demuxer.Again()
	default:
		r.demuxer.Close(endcause.EndOfFile)
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
	case r.chunks == 0 && r.demuxer.Publisher() == nil:
		return fmt.Errorf("%s: %w", r.name, r.demuxer.Nothing(r.Losses()))
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
	_, err := r.f.Seek(0, io.SeekStart)
	return err
}

// Cut returns the number of bytes of an incomplete packet at the end of the file.
func (r *streamReader) Cut() int64 { return int64(r.demuxer.Cut()) }

// EndNS returns the end of a chunk, ns since the first one.
func (r *streamReader) EndNS(c *media.Chunk) int64 { return c.UTC + c.SpanNS() - r.firstUTC }

// Close closes the file, and releases the chunks that were not read.
func (r *streamReader) Close() error {
	losses := r.Losses()
	r.mu.Lock()
	r.closed, r.losses = true, losses
	r.mu.Unlock()
	r.demuxer.Close(endcause.Shutdown)
	for _, c := range append(r.early.rest(), r.ready...) {
		c.Release()
	}
	r.sub.Close()
	r.hub.Close()
	return r.f.Close()
}
