package mpegts

import (
	"log/slog"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// Options are the services that a Demuxer uses.
type Options struct {
	// Publish claims the path. The Demuxer calls it when the tracks are known and the first media has come. It calls it
	// again after a change of codecs; the publisher before is closed then.
	Publish func() (*hub.Publisher, error)
	// PublishTo takes the place of Publish, and may be nil. The access units then keep the times of the stream: time 0 is
	// that of its clock. The Demuxer does not close the Publisher.
	PublishTo func() (Publisher, error)
	Clock     pipeline.Clock // bounds how often the tracks may change; nil: pipeline.SystemClock
	Finite    bool           // the stream is a file of which each unit is wanted: see ingest.Feed.Finite
	Log       *slog.Logger   // nil: slog.Default
}

// Publisher is the part of *hub.Publisher to which a Demuxer passes the media.
type Publisher interface {
	ingest.Publisher
	Timing() hub.Timing
	LeaveOut(codecs []string)
}

// Demuxer publishes the media of a transport stream. It belongs to one goroutine.
type Demuxer struct {
	o   Options
	log *slog.Logger
	at  time.Time // arrival of the current data
	// began is the time at which a Player has begun; else zero. The data of each PES packet then arrives at its decoding
	// time, counted from there.
	began time.Time
	err   error // error that ended the stream

	packets     synchroniser
	take        func(p []byte, lost int) // method packet as a value, made once
	takeSection func([]byte)             // method section as a value, made once
	roles       [nullPID + 1]uint8       // what a PID has: ignored, the PAT, or index into slots
	slots       []slot
	tables      tables

	whole     bool // the stream has come to its end, with a whole packet
	cut       int  // bytes of the incomplete packet at its end
	clock     clock
	adopted   *programMap    // of the program that is recorded; nil: none yet
	adoptedAt time.Time      // when its tracks were taken, by Options.Clock
	streams   []*elementary  // of adopted
	pub       *hub.Publisher // of Options.Publish
	to        Publisher      // pub, or that of Options.PublishTo
	feed      *ingest.Feed
	losses    map[string]uint64 // counted before the publication began
	badBytes  int               // bytes that are no packets, not counted yet
}

// slot is what the packets of a PID are for: a table, or an elementary stream.
type slot struct {
	table  *tablePID
	stream *elementary
}

// roleNone is the role of PIDs that are ignored.
const roleNone = 0

// NewDemuxer returns a Demuxer that has no data yet.
func NewDemuxer(o Options) *Demuxer {
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	d := &Demuxer{o: o, log: o.Log, losses: map[string]uint64{}}
	d.take, d.takeSection = d.packet, d.section
	d.route()
	return d
}

// Data takes bytes of the stream that arrived at a time, in pieces of any length. It keeps no reference to b. An error
// ends the stream: the publisher has ended, or Options.Publish failed. The caller then calls Close.
func (d *Demuxer) Data(b []byte, at time.Time) error {
	d.at = at
	if d.err == nil {
		d.packets.write(b, d.take)
	}
	if d.feed != nil && d.err == nil {
		d.feed.Look(at)
		d.fail(d.feed.Err())
	}
	return d.err
}

// Missing records that the transport lost data before the next bytes. Those begin with a packet.
func (d *Demuxer) Missing() {
	if len(d.packets.held) > 0 || d.packets.skip > 0 {
		d.packets.reset()
	}
	for _, e := range d.streams {
		e.suspect()
	}
}

// Publisher returns the open publisher of Options.Publish, or nil.
func (d *Demuxer) Publisher() *hub.Publisher { return d.pub }

// Close writes what is held, and closes the publisher with a cause: one of package endcause. The Demuxer takes no further
// data.
func (d *Demuxer) Close(cause media.Cause) {
	d.close(func(p *hub.Publisher) { p.Close(cause) })
}

// Disconnect is Close for a sender that may come back: see hub.Publisher.Disconnect.
func (d *Demuxer) Disconnect() {
	d.close(func(p *hub.Publisher) { p.Disconnect(endcause.SourceLost) })
}

func (d *Demuxer) close(end func(*hub.Publisher)) {
	if d.err == nil {
		d.packets.flush(d.take)
	}
	if d.whole {
		d.doubt()
	}
	d.end(end)
	d.fail(hub.ErrClosed)
}

// fail keeps the first error.
func (d *Demuxer) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// packet takes a packet. lost is the number of bytes before it that are no packets.
func (d *Demuxer) packet(b []byte, lost int) {
	if d.err != nil {
		return
	}
	d.garbage(lost)
	p, ok := readPacket(b)
	switch {
	case p.pid == nullPID:
		return
	case !ok:
		d.lose(media.DropTSMalformed, 1)
		return
	case p.broken:
		d.lose(media.DropTSError, 1)
		return
	}
	role := d.roles[p.pid]
	if role == roleNone {
		return
	}
	s := d.slots[role]
	switch {
	case s.table != nil:
		s.table.packet(d, &p)
	case d.feed == nil && p.scrambled:
		d.lose(media.DropScrambled, 1)
	case d.feed != nil || beginsMedia(&p) && d.begin():
		s.stream.packet(&p)
	}
}

// garbage counts bytes that are no packets. Those before the first packet, of a stream that was joined, do not count.
func (d *Demuxer) garbage(bytes int) {
	if bytes == 0 {
		return
	}
	d.badBytes += bytes
	if n := d.badBytes / packetBytes; n > 0 {
		d.badBytes -= n * packetBytes
		d.lose(media.DropTSMalformed, uint64(n))
	}
}

// lose counts packets whose track is unknown.
func (d *Demuxer) lose(cause string, n uint64) {
	if d.to != nil {
		d.to.Lost(cause, n)
		return
	}
	d.losses[cause] += n
}

// begin begins a publication with the tracks of the program. It reports whether that succeeded.
func (d *Demuxer) begin() bool {
	if err := d.publish(); err != nil {
		d.fail(err)
		return false
	}
	d.feed = ingest.NewFeed(d.to, d.log)
	if d.pub == nil {
		d.feed.FromZero()
	}
	d.feed.Time(d.to.Timing())
	if d.o.Finite {
		d.feed.Finite()
	}
	for _, e := range d.streams {
		if err := e.attach(); err != nil { // Options.Publish cannot know: the form was checked
			d.fail(err)
			return false
		}
	}
	for cause, n := range d.losses {
		d.to.Lost(cause, n)
	}
	clear(d.losses)
	if left := d.adopted.leftOut; len(left) > 0 {
		d.log.Warn("tracks are not recorded: their codecs are not supported; "+Recordable, "codecs", left)
		d.to.LeaveOut(left)
	}
	return true
}

// publish claims the path.
func (d *Demuxer) publish() (err error) {
	if d.o.PublishTo != nil {
		d.to, err = d.o.PublishTo()
		return err
	}
	pub, err := d.o.Publish()
	if err == nil {
		d.pub, d.to = pub, pub
	}
	return err
}

// end ends the publication, if there is one, by a call of end.
func (d *Demuxer) end(end func(*hub.Publisher)) {
	if d.feed == nil {
		return
	}
	for _, e := range d.streams {
		e.payload.flush()
	}
	d.feed.Close()
	if d.pub != nil {
		end(d.pub)
	}
	d.pub, d.to, d.feed = nil, nil, nil
}
