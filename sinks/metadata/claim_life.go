package metadata

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// life is the state of a recorder that made a claim.
type life int

const (
	gone    life = iota // the recorder has ended: the claim may be taken over
	unknown             // the recorder may run
	alive               // the recorder runs
)

// watch observes, by this process's clock, whether a claim is renewed.
type watch struct {
	process string    // claimRow.Process at the last observation
	beats   int64     // claimRow.Beats at the last observation
	since   time.Time // when beats was first observed with this value; zero: nothing was observed yet
	moved   bool      // beats has changed since the process was first observed
}

// observe records the claim r, which was read at the time now.
func (w *watch) observe(r *claimRow, now time.Time) {
	switch {
	case w.since.IsZero() || r.Process != w.process:
		*w = watch{process: r.Process, beats: r.Beats, since: now}
	case r.Beats != w.beats:
		w.beats, w.since, w.moved = r.Beats, now, true
	}
}

// life judges whether the recorder that made a claim still runs. It has ended if one of these is true:
//
//	it released the claim, or the claim is reserved for this process's place
//	its process ID is valid on this machine, and that process has ended
//	it recorded in this process's directory, and this process, which is no guest (see asGuest), has locked the
//	journal there
//	it ran before the last boot of the only machine that can reach the database
//	it has not renewed the claim for lapseAfter, by this process's or by the database's clock
func (c *Catalogue) life(s *store, r *claimRow, w *watch) life {
	me, it := *c.opts.Place, r.Place
	now := c.opts.Clock.Now()
	w.observe(r, now)
	switch {
	case r.Released != 0, r.Process == "" && me.sameDirectory(it):
		return gone
	case me.seesProcess(it) && filesystem.Began(it.PID) == it.Born:
		return alive
	case me.seesProcess(it), me.sameDirectory(it) && !c.opts.Guest:
		return gone
	case s.OneHost && me.Kernel != "" && it.Kernel != "" && me.Kernel != it.Kernel:
		return gone
	case now.Sub(w.since) >= lapseAfter:
		return gone
	case oneClock(s, me, it) && r.NowSeconds-r.SeenSeconds >= lapseSeconds:
		return gone
	case w.moved:
		return alive
	}
	return unknown
}

const lapseSeconds = int64(lapseAfter / time.Second)

// oneClock reports whether the times of a claim and the time at which it was read come from the same
// clock. SQLite has no clock of its own and uses that of the host.
func oneClock(s *store, me, it Place) bool {
	return s.Driver != "sqlite" || s.OneHost || me.Kernel != "" && me.Kernel == it.Kernel
}

// ClaimedError reports that the recorder at the place By has the node name that the recorder at the
// place Here wants.
type ClaimedError struct {
	Node     string
	By, Here Place
	Identity string        // identity of the record directory at By
	Since    time.Time     // start of the claim, by the database's clock
	LastSeen time.Duration // time since the last renewal
	MayBeUs  bool          // the claim may be that of an earlier run of this recorder, before a reboot or long ago
}

// Unwrap returns ErrClaimed.
func (e *ClaimedError) Unwrap() error { return ErrClaimed }

// Error names both places and the remedy.
func (e *ClaimedError) Error() string {
	by := fmt.Sprintf("host %s, record path %s", e.By.Host, e.By.Path)
	if e.Identity != "" {
		by += ", directory " + e.Identity
	}
	if e.By.PID > 0 {
		by += fmt.Sprintf(", pid %d", e.By.PID)
	}
	text := fmt.Sprintf("node %s is claimed by the recorder on %s, since %s, last sign of life %s ago; this one is on host %s, record path %s, pid %d: ",
		e.Node, by, e.Since.Format(time.RFC3339), e.LastSeen, e.Here.Host, e.Here.Path, e.Here.PID)
	if e.MayBeUs {
		text += "if that was this recorder before a reboot, or has ended, the claim lapses by itself; else "
	}
	return text + "give each recorder a node.name of its own, or delete .spool-directory in a copied record directory; " +
		fmt.Sprintf("if that recorder has ended, its claim lapses %s after its last sign of life, or run spool reindex --take-over %s here", lapseAfter, e.Node)
}

// claimedBy returns the error which reports that another recorder has the name by the claim r. w is the
// watch that has observed r: if it saw a renewal, the claim cannot be that of an earlier run of this
// recorder (ClaimedError.MayBeUs).
func (c *Catalogue) claimedBy(r *claimRow, w *watch) *ClaimedError {
	me, it := *c.opts.Place, r.Place
	seen := time.Duration(max(0, r.NowSeconds-r.SeenSeconds)) * time.Second
	own := c.opts.Directory()
	return &ClaimedError{
		Node: r.Node, By: it, Here: me, Identity: r.Directory, Since: time.Unix(r.StartedSeconds, 0).UTC(), LastSeen: seen,
		MayBeUs: !w.moved && !me.seesProcess(it) && (max(r.NowSeconds-r.SeenSeconds, r.SeenSeconds-r.NowSeconds) >= lapseSeconds ||
			(me.Kernel == "" || me.Kernel != it.Kernel) && (own != "" && own == r.Directory || me.Host == it.Host && me.Path == it.Path)),
	}
}
