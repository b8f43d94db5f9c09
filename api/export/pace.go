package export

import (
	"context"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
)

// blockBytes is the size of the parts in which a file is written and synced. It is small, so that a recording whose
// sync comes behind one waits only for a moment.
const blockBytes = 4 << 20

// pace bounds the bytes per second that all exports together write.
type pace struct {
	clock     pipeline.Clock
	perSecond int64

	mu   sync.Mutex // guards the following field
	next time.Time  // when the next bytes may be written
}

// wait waits until n bytes may be written. It returns early when ctx ends.
func (p *pace) wait(ctx context.Context, n int) {
	now := p.clock.Now()
	p.mu.Lock()
	if p.next.Before(now) {
		p.next = now
	}
	until := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.perSecond) * float64(time.Second)))
	p.mu.Unlock()
	if until > 0 {
		pipeline.Sleep(ctx, p.clock, until, nil)
	}
}

// pacedFile is a file that is written from its beginning to its end, at a pace.
type pacedFile struct {
	file   durable.File
	ctx    context.Context
	pace   *pace
	room   func() error // returns an error if the disk is too full
	at     int64        // bytes that were written
	synced int64        // of these, the bytes that were synced
}

// Write implements io.Writer.
func (f *pacedFile) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if f.ctx.Err() != nil {
			return n, context.Cause(f.ctx)
		}
		part := p[:min(int64(len(p)), blockBytes-(f.at-f.synced))]
		f.pace.wait(f.ctx, len(part))
		wrote, err := f.file.WriteAt(part, f.at)
		f.at += int64(wrote)
		n += wrote
		if err != nil {
			return n, err
		}
		p = p[len(part):]
		if f.at-f.synced >= blockBytes {
			if err := f.sync(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// sync syncs the present block, drops it from the page cache, and waits as long as that took: half of the disk's
// time is for the recordings, however slow it is.
func (f *pacedFile) sync() error {
	if err := f.room(); err != nil {
		return err
	}
	began := f.pace.clock.Now()
	if err := f.file.Sync(); err != nil {
		return err
	}
	if open, ok := f.file.(interface{ Fd() uintptr }); ok {
		forget(int(open.Fd()), f.synced, f.at-f.synced)
	}
	f.synced = f.at
	if took := f.pace.clock.Now().Sub(began); took > 0 {
		pipeline.Sleep(f.ctx, f.pace.clock, took, nil)
	}
	return nil
}

// Close syncs and closes the file.
func (f *pacedFile) Close() error {
	err := f.file.Sync()
	if closing := f.file.Close(); err == nil {
		err = closing
	}
	return err
}
