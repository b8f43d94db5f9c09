package exec

import (
	"errors"
	"sync"
	"time"

	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// output passes the output of a command to a publisher.
type output struct {
	p       *puller
	publish func() (*hub.Publisher, error)

	mu    sync.Mutex // guards the fields below
	zero  time.Time  // start of the command
	heard time.Time  // newest data; zero: none has come
	open  time.Time  // when the stream was open last
	head  []byte     // first bytes, until the format is known
	form  format     // nil: unknown
}

// format takes a stream of one format.
type format interface {
	data(b []byte, at time.Time) error
	publisher() *hub.Publisher // nil: not open
	close()
}

var (
	errFormat = errors.New("the command writes neither MPEG-TS nor H.264 or H.265 in byte stream format (Annex B): for example ffmpeg needs -f mpegts before the last argument, which is -")
	errNone   = errors.New("the command writes no stream that can be recorded")
)

func newOutput(p *puller, publish func(string) (*hub.Publisher, error)) *output {
	now := p.Clock.Now()
	return &output{p: p, publish: func() (*hub.Publisher, error) { return publish(protocol) }, zero: now, open: now}
}

// data takes bytes.
func (o *output) data(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = o.p.Clock.Now()
	if o.form == nil {
		o.head = append(o.head, b...)
		if len(o.head) < headBytes {
			return nil
		}
		if o.form = o.formatOf(o.head); o.form == nil {
			return errFormat
		}
		b, o.head = o.head, nil
	}
	return o.form.data(b, o.heard)
}

// headBytes is the number of bytes that decide the format: a start code of four bytes.
const headBytes = 4

// syncByte begins each packet of MPEG-TS.
const syncByte = 0x47

// formatOf returns the format that begins with some bytes, or nil.
func (o *output) formatOf(head []byte) format {
	switch {
	case head[0] == syncByte:
		return transportStream{mpegts.NewDemuxer(mpegts.Options{Publish: o.publish, Clock: o.p.Clock, Log: o.p.Log})}
	case head[0] == 0 && head[1] == 0 && (head[2] == 1 || head[2] == 0 && head[3] == 1):
		return &pictures{o: o}
	}
	return nil
}

// look returns an error if the command must end because of silence, or because its stream is not found.
func (o *output) look(now time.Time, timeout time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var pub *hub.Publisher
	if o.form != nil {
		pub = o.form.publisher()
	}
	if pub == nil {
		switch late := now.Sub(o.open) > timeout; {
		case late && o.heard.IsZero():
			return errQuiet
		case late:
			return errNone
		}
		return nil
	}
	o.open = now
	select {
	case <-pub.Done():
		return hub.ErrReplaced
	default:
	}
	if now.Sub(o.heard) > timeout {
		return errQuiet
	}
	return nil
}

// close ends the publication.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.form != nil {
		o.form.close()
		o.form = nil
	}
}

// transportStream takes MPEG-TS.
type transportStream struct{ demuxer *mpegts.Demuxer }

func (t transportStream) data(b []byte, at time.Time) error { return t.demuxer.Data(b, at) }
func (t transportStream) publisher() *hub.Publisher         { return t.demuxer.Publisher() }
func (t transportStream) close()                            { t.demuxer.Disconnect() }
