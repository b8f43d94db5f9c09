package ingest

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// Publisher takes what a Feed makes; *hub.Publisher is one.
type Publisher interface {
	SetTracks([]media.Track) error
	Write(track int, au *media.AU) error
	counter
	Problem(track int, what *pipeline.Problem)
}

// The causes under which a Feed counts what it puts right: no picture is lost by it.
const (
	RepairedTime      = "shared_timestamp"   // pictures that came under the time of another one: placed up to the next
	RepairedOutlier   = "timestamp_outlier"  // pictures and packets of sound whose time was out of line: placed between their neighbours
	RepairedUndefined = "nal_unit_undefined" // NAL units of a type without a meaning: left out
	RepairedBroken    = "nal_unit_malformed" // NAL units whose header contradicts the standard: left out
	RepairedTwice     = "duplicate_packet"   // packets: left out
	RepairedLate      = "late_packet"        // packets that came when they had been counted as lost (rtp_loss): left out
	RepairedReport    = "foreign_report"     // sender reports of another sender than the track's: left out
	RepairedSets      = "frequent_change"    // key frames whose parameter sets are others, too often for a file each: they have them in the stream
	RepairedLayer     = "enhancement_layer"  // NAL units of SVC, MVC and the like: left out, the base layer is kept
)

// TrackConfig is what a protocol knows of a track.
type TrackConfig struct {
	Codec     media.Codec
	Timescale uint32 // ticks per second of the units' times; for sound the sample rate, where it is known
	// ParameterSets in the form of media.Track, as far as they are known. Of a codec with
	// NAL units they may come in the stream, of any other by Describe.
	ParameterSets [][]byte
	// What a protocol says of a track whose parameter sets do not: pixels, Hz.
	Width, Height, SampleRate, Channels int

	DeriveDTS bool // units have presentation times only
	// Optional says that nothing may ever come of the track: it is not waited for,
	// missed or published before something does.
	Optional bool
}

// Feed turns the units of one publication into access units of its publisher.
//
// It is for one goroutine, as its tracks are. Units are held back at the beginning only: until each
// track is described, has its first unit, and has its place on the time line;
// one second at most, five where a track's parameter sets are awaited or its NAL
// units come out of order, and no
// more than 8 MiB of memory.
type Feed struct {
	pub    Publisher
	log    *slog.Logger
	tracks []*Track
	err    error // the publisher has ended

	begun     bool
	firstMono int64 // ns, arrival of the first unit that is held
	held      bool
	memory    share
	units     *unitShard
	now       int64 // ns, arrival of the unit at hand
	// waited is for how long units have been held, ns. Of a pause in which nothing came it
	// counts holdPause at most: the sender or this machine stood still, and what is awaited
	// may be under way.
	waited int64

	firstHeard, nextLook int64 // ns: the vigils begin, and look again
	lastHeard, resumed   int64 // ns: of any track, and after a silence of all, which is no track's

	place  placement
	doubts int  // reports in a row by which the sender's clocks disagree
	warned bool // that they do
	wall   wallclock
	au     media.AU

	patience  time.Duration // see Time
	byArrival bool
}

// The bounds of the hold.
const (
	holdPlaces = int64(time.Second) // while something comes: see waited
	holdSets   = int64(5 * time.Second)
	holdBytes  = 8 << 20 // of memory; of a track that comes later, too
	holdPause  = int64(250 * time.Millisecond)
)

// NewFeed makes a feed for a publisher that has no tracks yet.
func NewFeed(pub Publisher, log *slog.Logger) *Feed {
	f := &Feed{pub: pub, log: log, memory: newShare(everyone), units: units.shard()}
	f.memory.own(f)
	return f
}

// Time says how times are taken, before the first track: a track may be silent for as
// long as patience before that is a problem, with 0 as its own pace tells; byArrival puts
// a sender's clock of a wrong rate right.
func (f *Feed) Time(patience time.Duration, byArrival bool) {
	if f.patience, f.byArrival = patience, byArrival; byArrival { // which takes a moment to settle
		f.wall.slew = 20 * wallSlew
	}
}

// AddTrack adds a track before the first unit. The error is one of the given
// parameter sets and leaves the feed as it was.
func (f *Feed) AddTrack(c TrackConfig) (*Track, error) {
	t := &Track{feed: f, counts: f.pub, index: len(f.tracks), cfg: c, slot: -1, absent: c.Optional}
	known := codec.Of(c.Codec)
	if known == nil {
		return nil, fmt.Errorf("unknown codec %d", c.Codec)
	}
	t.nal, t.syncFrame = known.NAL, known.Sync
	t.merging, t.heads, t.sets.coding, t.sets.nal = t.nal != nil, codec.NewSliceReader(t.nal), c.Codec, t.nal
	t.out, t.timed, t.fitting, t.spread.repaired = t.ready, t.derive, t.share, t.sharedTime
	t.outliers.second, t.outliers.repaired = int64(c.Timescale), t.Outlier
	t.vigil = NewVigil(c.Codec, f.log, func(p *pipeline.Problem) { f.pub.Problem(t.index, p) })
	t.vigil.Patience, t.retime.second = int64(f.patience), int64(c.Timescale)
	if err := t.describeFirst(c.ParameterSets); err != nil {
		return nil, err
	}
	f.tracks = append(f.tracks, t)
	return t, nil
}

// Describe gives a track of a codec without NAL units its parameter sets, from the
// next unit on.
func (t *Track) Describe(sets ...[]byte) error {
	d, err := describeFrames(&t.cfg, sets)
	if err != nil {
		return err
	}
	t.desc, t.fresh = d, d
	return nil
}

// Take returns an empty unit. It goes back by Track.Unit, or by Put.
func (f *Feed) Take() *Unit {
	u := f.units.take()
	u.counted = u.HeldBytes()
	f.memory.grow(u.counted)
	return u
}

// Unit takes a unit of a track, in decoding order. The error says that the
// publisher has ended.
func (t *Track) Unit(u *Unit) error {
	f := t.feed
	if f.err != nil {
		f.Put(u)
		return f.err
	}
	if f.held && !f.begun {
		f.waited += min(max(u.Mono-f.now, 0), holdPause)
	}
	f.now = u.Mono
	t.count(u)
	if t.nal != nil {
		t.gather(u)
	} else {
		t.acceptFrame(u)
	}
	f.settle()
	return f.err
}

// Err returns the error by which the publisher has ended; nil while it goes on.
func (f *Feed) Err() error { return f.err }

// Log returns the log of the publication.
func (f *Feed) Log() *slog.Logger { return f.log }

// Close writes what is still held, as far as it is taken. The publisher is the
// caller's to close.
func (f *Feed) Close() {
	for _, t := range f.tracks {
		t.Flush()
	}
	if f.err == nil && !f.begun && f.held {
		f.begin()
	}
	for _, t := range f.tracks {
		if f.err == nil && f.begun && len(t.pending) > 0 {
			f.placeLate(t, true)
		}
		f.putAll(t.pending)
		t.pending, t.pendingBytes = nil, 0
	}
}

// settle begins, or places a track that came later, once that is possible.
func (f *Feed) settle() {
	if f.err != nil {
		return
	}
	if !f.begun {
		if f.held && f.mayBegin() {
			f.hurry()
			f.begin()
		}
		return
	}
	for _, t := range f.tracks {
		if !t.placed && len(t.pending) > 0 {
			f.placeLate(t, false)
		}
	}
}

func (f *Feed) mayBegin() bool {
	whole, long := true, f.waited >= holdPlaces
	awaited := f.awaited()
	for _, t := range f.tracks {
		if t.desc == nil && !t.absent {
			long = false
		}
		if t.holder != nil && len(t.pending) == 0 && t.holder.Holding() { // its first picture may wait for others before it
			long = false
		}
		if !t.absent && (len(t.pending) == 0 || awaited > 1 && !t.points[sourceReport].ok) {
			whole = false
		}
	}
	return whole || long || f.now-f.firstMono >= holdSets || f.pendingBytes() >= holdBytes
}

// hurry lets the first pictures go on that wait for more of their kind: where pictures
// are rare that is for long, and sound would begin alone.
func (f *Feed) hurry() {
	for _, t := range f.tracks {
		if len(t.pending) == 0 {
			if t.prev != nil && f.now-t.prev.Mono >= holdPlaces {
				t.release()
			}
			t.outliers.flush(t.fitting)
			t.spread.flush(t.timed)
			t.decoding.flush(t.out)
		}
	}
}

// begin gives every track its place, tells the publisher and writes what is held
// in the order of decoding.
func (f *Feed) begin() {
	f.begun = true
	f.place.settle(f.tracks)
	if len(f.tracks) > 1 {
		f.log.Debug("tracks aligned", "by", f.place.source)
	}
	for _, t := range f.tracks {
		if len(t.pending) == 0 {
			continue
		}
		t.placed = true
		t.offset = f.place.offset(t)
		for _, u := range t.pending {
			f.wall.see(u.Mono, t.nanos(u.PTS))
		}
	}
	f.publish()
	for t := f.earliest(); t != nil; t = f.earliest() {
		f.writePending(t)
	}
}

// earliest returns the track whose first pending unit is decoded first.
func (f *Feed) earliest() (first *Track) {
	var at int64
	for _, t := range f.tracks {
		if len(t.pending) == 0 {
			continue
		}
		if ns := t.nanos(t.pending[0].DTS); first == nil || ns < at {
			first, at = t, ns
		}
	}
	return first
}

// placeLate gives a track its place that had no unit when the feed began.
func (f *Feed) placeLate(t *Track, now bool) {
	known := t.points[f.place.source].ok
	wait := f.now-t.pending[0].Mono < holdPlaces && t.pendingBytes < holdBytes
	if !now && !known && f.place.source == sourceReport && wait {
		return
	}
	if !known {
		t.points[f.place.source] = f.place.byArrival(t, f.wall.offset)
	}
	t.placed, t.offset = true, f.place.offset(t)
	f.publish()
	for len(t.pending) > 0 {
		f.writePending(t)
	}
}

// writePending writes the first unit that is pending. It is pending until it is
// written: publish looks at it.
func (f *Feed) writePending(t *Track) {
	f.write(t, t.pending[0])
	if t.pending = t.pending[1:]; len(t.pending) == 0 {
		t.pending, t.pendingBytes = nil, 0
	}
}

// write hands a unit to the publisher and takes its memory back.
func (f *Feed) write(t *Track, u *Unit) {
	defer f.Put(u)
	if f.err != nil {
		return
	}
	if u.desc != nil && u.desc != t.live || t.slot < 0 { // or it was left, and comes back
		t.live, t.absent = cmp.Or(u.desc, t.live), false
		f.publish()
	}
	pts := t.nanos(u.PTS)
	wall := cmp.Or(t.own, &f.wall)
	wall.see(u.Mono, pts)
	if t.cfg.DeriveDTS {
		t.seeClock(u, pts)
	}
	f.au = media.AU{
		DTS: u.DTS + t.offset, PTS: u.PTS + t.offset,
		UTC: wall.at(pts, u.UTC, u.Mono), Stepped: u.Stepped, Mono: u.Mono,
		Sync: u.sync, Lost: u.lost, LostBy: media.Cause(u.by), Payload: u.elements(),
	}
	switch err := f.pub.Write(t.slot, &f.au); {
	case err == nil:
		t.vigil.Kept(u.Mono)
	case media.LeftOut(err):
		t.vigil.Missed(u.Mono, media.DropCauseOf(err), 1)
	default:
		f.err = err
	}
}

// Look has the vigils look, once a second: whenever something comes, a feed is told the
// time. What is held back for now is not lost.
func (f *Feed) Look(at time.Time) {
	mono := Mono(at)
	if mono < f.nextLook {
		return
	}
	f.nextLook = mono + int64(time.Second)
	if f.firstHeard == 0 { // what came waits for what was sent before it
		f.firstHeard = mono
	}
	for _, t := range f.tracks {
		if t.holder != nil {
			t.holder.Overdue(at)
		}
	}
	for _, t := range f.tracks {
		if t.absent {
			continue
		}
		held := t.outliers.held != nil || len(t.pending)+len(t.decoding.held)+len(t.spread.held) > 0
		if !held || mono-t.taken > t.vigil.patience() {
			t.vigil.Look(at, mono, max(f.firstHeard, f.resumed))
		}
	}
}

// publish tells the publisher the tracks: those that have a place, and sound that
// is described but silent so far. (Pictures that may never come must not lead.)
func (f *Feed) publish() {
	var set []media.Track
	for _, t := range f.tracks {
		t.slot = -1
		if len(t.pending) > 0 && t.pending[0].desc != nil {
			t.live = t.pending[0].desc
		}
		if t.live == nil || !t.placed && t.live.track.Kind() == media.Video || t.absent && len(t.pending) == 0 {
			continue
		}
		t.slot = len(set)
		set = append(set, t.live.track)
	}
	if err := f.pub.SetTracks(set); err != nil {
		f.err = err
	}
}
