package ingest

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// Publisher receives the access units of a Feed. *hub.Publisher implements it.
type Publisher interface {
	SetTracks([]media.Track) error
	Write(track int, au *media.AU) error
	counter
	Problem(track int, what *pipeline.Problem)
}

// The causes under which a Feed counts repairs. A repair itself loses no picture. Each comment names the faulty data,
// and then the repair.
const (
	RepairedTime      = "shared_timestamp"   // pictures with the same time: spread up to the next time, or by arrival
	RepairedOutlier   = "timestamp_outlier"  // units whose time is an outlier: placed between their neighbours
	RepairedUndefined = "nal_unit_undefined" // NAL units of an undefined type: left out
	RepairedBroken    = "nal_unit_malformed" // NAL units whose header contradicts the standard: left out
	RepairedTwice     = "duplicate_packet"   // packets that arrived twice: left out
	RepairedLate      = "late_packet"        // packets that came after they were counted as lost: left out
	RepairedReport    = "foreign_report"     // sender reports of a sender other than the track's: ignored
	RepairedSets      = "frequent_change"    // too frequent changes of parameter sets: they begin no file
	RepairedLayer     = "enhancement_layer"  // NAL units of an enhancement layer, such as SVC and MVC: left out
)

// Feed turns the units of one publication into access units of its publisher.
//
// A feed and its tracks belong to one goroutine. At the beginning the feed holds back the units of all tracks, until
// each track has a description and a first unit and, if several tracks are expected, a sender report. It waits for at
// most a second in which data arrives. It waits for up to five seconds if the parameter sets of a track are missing, or
// if a track's NAL units arrive out of order, or for the reports that are to date the units. It begins in any case when it holds 8 MiB. Later it holds only units
// whose times depend on later units, and the first units of a track that begins later.
type Feed struct {
	pub    Publisher
	log    *slog.Logger
	tracks []*Track
	err    error // error by which the publisher ended; nil while it is open

	main        int   // number of tracks that are not metadata
	begun       bool  // the tracks are published, and units are written
	firstMonoNS int64 // arrival of the first held unit
	held        bool  // a unit has been held back
	memory      feedMemory
	units       *unitShard
	nowNS       int64 // newest arrival of a unit
	// waitedNS is the time for which units have been held back. A pause without any data counts as holdPauseNS at most:
	// the sender or this machine stood still, and the missing data may still arrive.
	waitedNS int64

	firstHeardNS, nextLookNS int64 // arrival of the first data, and time of the next call of StallDetector.Look
	lastHeardNS, resumedNS   int64 // arrival of the newest data, and of the first data after a silence of all tracks
	flowsNS                  int64 // arrival of the first data after the newest pause of all tracks; 0: no pause yet

	place  placement
	doubts int  // number of consecutive reports by which the clocks of the sender's tracks disagree
	warned bool // the disagreement has been logged
	wall   wallclock
	sender senderClock
	au     media.AU

	patience  time.Duration // StallDetector.PatienceNS of each track
	finite    bool          // see Finite
	byArrival bool          // times follow arrival: setting wall_clock: arrival
}

// The bounds for holding units back.
const (
	holdPlacesNS = int64(time.Second)     // limit of waitedNS
	holdSetsNS   = int64(5 * time.Second) // limit from the first held unit on, if a track has no description yet
	holdBytes    = 8 << 20                // most memory of held units; also of a track that begins later
	holdPauseNS  = int64(250 * time.Millisecond)
)

// NewFeed returns a feed without tracks, which writes to pub.
func NewFeed(pub Publisher, log *slog.Logger) *Feed {
	f := &Feed{pub: pub, log: log, memory: newFeedMemory(allFeeds), units: units.shard()}
	f.memory.own(f)
	return f
}

// Time sets how the feed treats times. The caller calls it before it adds the first track. A track may be silent for
// timing.ReadTimeout, or longer if that is its usual pace (media.Pace), before the feed reports a problem.
func (f *Feed) Time(timing hub.Timing) {
	f.patience, f.sender.wanted = timing.ReadTimeout, timing.WallClock == hub.WallClockSender
	if f.byArrival = timing.WallClock == hub.WallClockArrival; f.byArrival {
		// The corrected times need some windows of retime to settle, and the wall clock follows them meanwhile.
		f.wall.slewNS = 20 * wallSlewNS
	}
}

// Finite sets that the units come from a file, which has no delay that a longer wait could add to. At the beginning the feed
// then waits for the first unit of every track however much later its time is, until it holds 8 MiB. The caller calls it
// before it adds the first track.
func (f *Feed) Finite() { f.finite = true }

// AddTrack adds a track. The caller adds the tracks that it knows before the first unit; a later one changes the set of
// published tracks at its first unit, or at Announce. It returns an error if the codec in c is
// unknown or its parameter sets are wrong; the feed is then unchanged.
func (f *Feed) AddTrack(c TrackConfig) (*Track, error) {
	t := &Track{feed: f, counts: f.pub, index: len(f.tracks), cfg: c, slot: -1, absent: c.Optional}
	known := codec.Of(c.Codec)
	if known == nil {
		return nil, fmt.Errorf("unknown codec %d", c.Codec)
	}
	t.sets.coding, t.syncFrame, t.fromFrame = c.Codec, known.Sync, known.FromFrame
	t.setSyntax(known.NAL)
	t.out, t.timed, t.fitting, t.spread.repaired = t.ready, t.derive, t.share, t.sharedTime
	t.outliers.secondTicks, t.outliers.repaired = int64(c.Timescale), t.Outlier
	t.stall = NewStallDetector(c.Codec, f.log, func(p *pipeline.Problem) { f.pub.Problem(t.index, p) })
	t.stall.PatienceNS, t.retime.secondTicks = int64(f.patience), int64(c.Timescale)
	if err := t.describeFirst(c.ParameterSets); err != nil {
		return nil, err
	}
	if c.OneClock {
		t.points[sourceReport] = point{ok: true}
	}
	f.tracks = append(f.tracks, t)
	if c.Codec.Kind() != media.Metadata {
		f.main++
	}
	return t, nil
}

// Announce publishes the tracks that were added, or left, since the feed began. A caller that adds a track later calls it
// between the last unit that belongs to the earlier tracks and the key frame with which the recordings are to go on.
func (f *Feed) Announce() {
	if f.begun && f.err == nil {
		f.publish()
	}
}

// Take returns an empty unit from the pool. The caller returns it with Track.Unit or Feed.Put.
func (f *Feed) Take() *Unit {
	u := f.units.take()
	u.countedBytes = u.HeldBytes()
	f.memory.grow(u.countedBytes)
	return u
}

// Unit takes over a unit of the track, also when it returns an error. The caller passes units in decoding order. An
// error means that the publisher has ended.
func (t *Track) Unit(u *Unit) error {
	f := t.feed
	if f.err != nil {
		f.Put(u)
		return f.err
	}
	if f.held && !f.begun {
		f.waitedNS += min(max(u.MonoNS-f.nowNS, 0), holdPauseNS)
	}
	f.nowNS = max(f.nowNS, u.MonoNS) // a Holder may have held the unit
	t.count(u)
	if t.nal != nil {
		t.gather(u)
	} else {
		t.acceptFrame(u)
	}
	f.settle()
	return f.err
}

// Err returns the error by which the publisher has ended, or nil while it is open.
func (f *Feed) Err() error { return f.err }

// Log returns the logger that NewFeed got.
func (f *Feed) Log() *slog.Logger { return f.log }

// Close writes the held units as far as the publisher accepts them. It does not close the publisher.
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

// settle makes the feed begin as soon as enough is known about its tracks (mayBegin). After the feed has begun,
// settle gives each track that begins later its place on the time line.
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
	whole, long, dated := true, f.waitedNS >= holdPlacesNS, !f.sender.wanted
	awaited := f.awaited()
	for _, t := range f.tracks {
		if t.aside() {
			continue
		}
		if t.desc == nil && !t.absent {
			long = false
		}
		dated = dated || t.points[sourceReport].ok
		// Data that precedes the track's first data may still arrive.
		if t.holder != nil && len(t.pending) == 0 && t.holder.Holding() {
			long = false
		}
		if !t.absent && (len(t.pending) == 0 || (awaited > 1 || f.sender.wanted) && !t.points[sourceReport].ok) {
			whole = false
		}
	}
	late := !f.finite && (long && dated || f.nowNS-f.firstMonoNS >= holdSetsNS)
	return whole || late || f.pendingBytes() >= holdBytes
}

// hurry sets the times of the first pictures of each track without a pending unit, because the feed is about to
// begin. These pictures are held until later pictures come. In a stream of few pictures that takes long, and the
// sound would be published without the video.
func (f *Feed) hurry() {
	for _, t := range f.tracks {
		if len(t.pending) == 0 {
			if t.prev != nil && f.nowNS-t.prev.MonoNS >= holdPlacesNS {
				t.release()
			}
			t.outliers.flush(t.fitting)
			t.spread.flush(t.timed)
			t.decoding.flush(t.out)
		}
	}
}

// begin gives each track with pending units its place on the time line, publishes the tracks, and writes the
// pending units in decoding order.
func (f *Feed) begin() {
	f.begun = true
	f.place.settle(f.tracks)
	if len(f.tracks) > 1 {
		f.log.Debug("tracks aligned", "by", f.place.source)
	}
	for _, t := range f.tracks {
		if len(t.pending) == 0 || t.aside() {
			continue
		}
		t.placed = true
		t.offsetTicks = f.place.offset(t)
		for _, u := range t.pending {
			f.wall.observe(u.MonoNS, t.nanos(u.PTS))
		}
		if p := t.points[sourceReport]; p.ok {
			f.sender.report(t, p.clockNS, t.nanos(p.ticks))
		}
	}
	f.publish()
	for t := f.earliest(); t != nil; t = f.earliest() {
		f.writePending(t)
	}
}

// earliest returns the track whose first pending unit is decoded before those of the other tracks, or nil if no
// unit is pending.
func (f *Feed) earliest() (first *Track) {
	var at int64
	for _, t := range f.tracks {
		if len(t.pending) == 0 {
			continue
		}
		if !t.placed {
			continue // metadata, which placeLate places
		}
		if ns := t.nanos(t.pending[0].DTS); first == nil || ns < at {
			first, at = t, ns
		}
	}
	return first
}

// placeLate gives a track that had no unit when the feed began a place on the time line, and writes its pending
// units. If the source of the time line is sender reports and the track has no report yet, placeLate does nothing
// for up to holdPlacesNS, in which a report may come. With now it does not wait for a report.
func (f *Feed) placeLate(t *Track, now bool) {
	known := t.points[f.place.source].ok
	wait := f.nowNS-t.pending[0].MonoNS < holdPlacesNS && t.pendingBytes < holdBytes
	if !now && !known && f.place.source == sourceReport && wait {
		return
	}
	if !known {
		t.points[f.place.source] = f.place.byArrival(t, f.wall.offsetNS)
	}
	t.placed, t.offsetTicks = true, f.place.offset(t)
	f.publish()
	for len(t.pending) > 0 {
		f.writePending(t)
	}
}

// writePending writes the first pending unit of a track. The unit stays in pending until it is written, because
// publish reads it.
func (f *Feed) writePending(t *Track) {
	f.write(t, t.pending[0])
	if t.pending = t.pending[1:]; len(t.pending) == 0 {
		t.pending, t.pendingBytes = nil, 0
	}
}

// write passes a unit to the publisher and returns the unit to the pool.
func (f *Feed) write(t *Track, u *Unit) {
	defer f.Put(u)
	if f.err != nil {
		return
	}
	if u.desc != nil && u.desc != t.live || t.slot < 0 { // t.slot < 0: the track was absent and has come back
		t.live, t.absent = cmp.Or(u.desc, t.live), false
		f.publish()
	}
	pts := t.nanos(u.PTS)
	wall := cmp.Or(t.own, &f.wall)
	if !t.aside() {
		wall.observe(u.MonoNS, pts)
		if t.cfg.DeriveDTS {
			t.observeClock(u, pts)
		}
	}
	arrived, apart := wall.at(pts, u.UTC, u.MonoNS), f.sender.newestNS
	if !t.aside() { // metadata may have times of another clock
		apart = f.sender.apart(f, pts, arrived, u.SteppedNS)
	}
	f.au = media.AU{
		DTS: u.DTS + t.offsetTicks, PTS: u.PTS + t.offsetTicks,
		UTC: arrived + apart, SteppedNS: u.SteppedNS + apart, MonoNS: u.MonoNS, DurationTicks: u.DurationTicks,
		Sync: u.sync, Lost: u.lost, LostBy: media.Cause(u.by), Payload: u.elements(),
	}
	switch err := f.pub.Write(t.slot, &f.au); {
	case err == nil:
		t.stall.Kept(u.MonoNS)
	case media.LeftOut(err):
		t.stall.Missed(u.MonoNS, media.DropCauseOf(err), 1)
	default:
		f.err = err
	}
}

// Look makes each Holder release the data that it has held for long enough, and then runs the stall detectors. The
// protocol calls it whenever data arrives; Look does its work at most once a second. It does not run the detector of an
// absent track. For a track that holds units, until their times are known and the track is placed, it runs the detector
// only if the newest unit arrived longer ago than the silence that the detector permits.
func (f *Feed) Look(at time.Time) {
	mono := Mono(at)
	if mono < f.nextLookNS {
		return
	}
	f.nextLookNS = mono + int64(time.Second)
	if f.firstHeardNS == 0 { // the first data waits for earlier packets
		f.firstHeardNS = mono
	}
	for _, t := range f.tracks {
		if t.holder != nil {
			t.holder.Overdue()
		}
	}
	for _, t := range f.tracks {
		if t.absent {
			continue
		}
		held := t.outliers.held != nil || len(t.pending)+len(t.decoding.held)+len(t.spread.held) > 0
		if !held || mono-t.takenNS > t.stall.patienceNS() {
			t.stall.Look(at, mono, max(f.firstHeardNS, f.resumedNS))
		}
	}
}
