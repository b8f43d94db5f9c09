package retention

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/retained"
	"github.com/gospool/spool/pipeline/wallclock"
)

// MassExpiry selects when retention deletes the footage of a mass expiry: see the package comment.
type MassExpiry string

// The values of MassExpiry.
const (
	MassWait    MassExpiry = "wait"    // after a day of running with a believed clock
	MassConfirm MassExpiry = "confirm" // when an operator confirms it
	MassAllow   MassExpiry = "allow"   // at once, like other expired footage
)

// secondLook is the time for which MassWait holds a mass expiry back. Only the running time of the
// recorder counts in which the clock was believed and was not set.
const secondLook = 24 * time.Hour

// expiry holds the state of the mass expiry that is held back, if there is one, and of the clock. It
// is updated in each full look: a look of the keeper that scans the whole directory.
type expiry struct {
	dueUpTo time.Time     // last full look by a believed clock that held nothing; zero: none yet. See dueSince
	steps   int           // wallclock.Reading.Steps of the last full look
	since   time.Time     // when the held mass expiry was first seen; zero: none is held
	waited  time.Duration // part of secondLook that had passed at the last full look
	counted time.Duration // wallclock.Reading.Steady of the last full look
	warned  bool          // the held mass expiry was logged
}

// hold returns the expired footage that must not be deleted yet, unless to make room, with the cause:
// the clock is not believed, or the footage is a mass expiry. It returns nil if all expired footage
// may be deleted. It changes nothing.
func (k *Keeper) hold() *retained.Held {
	h, backlog := &retained.Held{Clock: k.clock.Now}, []*Item(nil)
	for _, it := range k.index.items {
		if k.policy.class(it, k.clock.Now) != retained.ClassExpired || it.cleared && k.clock.Believed() {
			continue
		}
		h.Add(it.SizeBytes, time.Unix(0, it.ended()))
		if !k.dueSince(it) {
			backlog = append(backlog, it)
		}
	}
	switch {
	case h.Count.Files == 0:
		return nil
	case !k.clock.Believed():
		h.Cause, h.Why, h.Since = retained.HeldForClock, k.clock.Why, k.clock.Now.Add(-k.clock.Steady)
		return h
	case k.policy.MassExpiry == MassAllow || !k.mass(backlog):
		return nil
	}
	left := secondLook - k.waited(k.clock)
	if k.policy.MassExpiry != MassConfirm {
		if left <= 0 {
			return nil
		}
		h.Until = k.clock.Now.Add(left)
	}
	h.Cause, h.Since = retained.HeldAsMass, k.expiry.since
	if h.Since.IsZero() {
		h.Since = k.clock.Now
	}
	h.Why = fmt.Sprintf("%d of %d recordings expired at once by the clock, which says %s", h.Count.Files, k.footage().Files, stamp(k.clock.Now))
	return h
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// dueSince reports whether an item expired after the last full look in which the clock was believed and
// hold returned nil. The passing of time then explains its expiry, and the item does not count towards
// a mass expiry. It returns false if there was no such look yet, or if the clock was set or was not
// believed since that look.
func (k *Keeper) dueSince(it *Item) bool {
	if k.expiry.dueUpTo.IsZero() || k.expiry.steps != k.clock.Steps {
		return false
	}
	due := time.Unix(0, it.ended()).Add(k.policy.expire(it.Stream))
	return !due.Before(k.expiry.dueUpTo)
}

// footage returns the number and the bytes of the items of Keeper.index, without growing and
// foreign files.
func (k *Keeper) footage() (c retained.Count) {
	for _, it := range k.index.items {
		if it.Kind != Growing && it.Kind != Foreign {
			c = c.Plus(it.SizeBytes)
		}
	}
	return c
}

// mass reports whether the expired items in backlog are a mass expiry: more than a tenth of all files
// or bytes in the record directory, or recordings of one stream that together last more than a day.
// A single item is a mass expiry if it is at least half of all files or bytes, or lasts more than a
// day.
func (k *Keeper) mass(backlog []*Item) bool {
	var c retained.Count
	lasts := map[string]time.Duration{}
	for _, it := range backlog {
		c = c.Plus(it.SizeBytes)
		if it.StartUTC != 0 {
			lasts[it.Stream] += time.Duration(max(it.EndUTC-it.StartUTC, 0))
		}
		if lasts[it.Stream] > day {
			return true
		}
	}
	all := k.footage()
	if c.Files <= 1 {
		return c.Files*2 >= all.Files && c.Files > 0 || c.Bytes*2 >= all.Bytes && c.Bytes > 0
	}
	return c.Files*10 > all.Files || c.Bytes*10 > all.Bytes
}

// waited returns for how long the mass expiry has been held back at a reading of the clock, counted
// as for secondLook. It returns 0 if no mass expiry is held back, or if the clock was set since the
// last full look.
func (k *Keeper) waited(r wallclock.Reading) time.Duration {
	e := &k.expiry
	if e.since.IsZero() || e.steps != r.Steps {
		return 0
	}
	return e.waited + r.Steady - e.counted
}

// expire updates k.expiry and waitFile after a scan, from k.held, the result of hold. If k.held is nil,
// expire sets the field cleared of each expired item, so that later looks may delete these items. If
// the clock is not believed, it clears that field of every item.
func (k *Keeper) expire() {
	e, r := &k.expiry, k.clock
	waited := k.waited(r)
	switch {
	case !r.Believed():
		if r.State != wallclock.Unproven || e.steps != r.Steps {
			e.waited = 0
		}
		e.dueUpTo, e.counted, e.steps = time.Time{}, r.Steady, r.Steps
		for _, it := range k.index.items {
			it.cleared = false
		}
	case k.held == nil:
		if !e.since.IsZero() {
			k.deps.Log.Warn("the mass expiry ended: its recordings are deleted, or no longer expired", "waited", waited.Round(time.Second), "clock", r.Now.UTC())
		}
		for _, it := range k.index.items {
			it.cleared = it.cleared || k.policy.class(it, r.Best) == retained.ClassExpired
		}
		k.expiry = expiry{dueUpTo: r.Now, steps: r.Steps, counted: r.Steady}
		k.forgetWait()
	default:
		e.since, e.waited, e.counted, e.steps = k.held.Since, waited, r.Steady, r.Steps
		k.keepWait()
		k.warn(k.held)
	}
}

// warn logs the mass expiry h, unless it has been logged already. expire resets k.expiry.warned when
// the mass expiry ends, so that the next one is logged again.
func (k *Keeper) warn(h *retained.Held) {
	if k.expiry.warned {
		return
	}
	k.expiry.warned = true
	k.deps.Log.Warn("mass expiry: more recordings expire at once than should; they wait for a second look",
		"files", h.Count.Files, "bytes", h.Count.Bytes, "oldest", h.Oldest.UTC(), "newest", h.Newest.UTC(),
		"clock", h.Clock.UTC(), "mass_expiry", string(k.policy.massExpiry()), "confirm", confirmBy)
}

// confirmBy is the request with which an operator confirms a mass expiry.
const confirmBy = "POST /mp4/retention/confirm"

func (p *Policy) massExpiry() MassExpiry {
	if p.MassExpiry == "" {
		return MassWait
	}
	return p.MassExpiry
}

// expiryProblem returns the problem that GET /mp4/health shows for the held footage h, if h is a mass
// expiry. It returns nil if h is nil, or if h is held because the clock is not believed.
func expiryProblem(h *retained.Held) *pipeline.Problem {
	if h == nil || h.Cause != retained.HeldAsMass {
		return nil
	}
	p := &pipeline.Problem{
		Problem: "mass_expiry", Since: h.Since,
		Cause:  fmt.Sprintf("%s: %d bytes, that ended from %s to %s", h.Why, h.Count.Bytes, stamp(h.Oldest), stamp(h.Newest)),
		Remedy: "if the clock is right, confirm: " + confirmBy + "; if not, set it. ",
	}
	if h.Until.IsZero() {
		p.Remedy += "Until then nothing expires"
	} else {
		p.Remedy += "Without either they are deleted at " + stamp(h.Until) + ", when the recorder has run for a day with the clock as it is"
	}
	return p
}

// Confirm records an operator's confirmation that the clock is right and that the footage which has
// expired by now may be deleted. It returns this footage, or nil if none has expired, and wakes the
// keeper, which deletes it.
//
// Confirm returns retained.ErrNothingHeld if the clock is believed and no mass expiry is held, and
// the error of wallclock.Judge.Confirm.
func (k *Keeper) Confirm() (*retained.Held, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.deps.Wall.Read()
	if r.Believed() && (k.held == nil || k.held.Cause != retained.HeldAsMass || k.expiry.steps != r.Steps) {
		return nil, retained.ErrNothingHeld
	}
	if !r.Believed() {
		if err := k.deps.Wall.Confirm(); err != nil {
			return nil, err
		}
	}
	k.readClock()
	var confirmed retained.Held
	for _, it := range k.index.items {
		k.index.date(it)
		if k.policy.class(it, k.clock.Best) == retained.ClassExpired {
			it.cleared = true
			confirmed.Add(it.SizeBytes, time.Unix(0, it.ended()))
		}
	}
	k.deps.Log.Warn("an operator confirmed the expired recordings", "files", confirmed.Count.Files, "bytes", confirmed.Count.Bytes, "clock", r.Now.UTC())
	k.fullLookAt = time.Time{}
	k.Wake()
	if confirmed.Count.Files == 0 {
		return nil, nil
	}
	confirmed.Clock = k.clock.Now
	return &confirmed, nil
}
