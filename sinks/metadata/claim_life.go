package metadata

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// life is the state of the recorder that holds a claim.
type life int

const (
	gone    life = iota // it has ended: the claim is free
	unknown             // it may run
	alive
)

// watch observes, by this process's clock, whether a claim is renewed.
type watch struct {
	process string
	beats   int64
	since   time.Time // when the current beats were first seen
	moved   bool      // beats has changed since the first look
}

func (w *watch) observe(r *claimRow, now time.Time) {
	switch {
	case w.since.IsZero() || r.Process != w.process:
		*w = watch{process: r.Process, beats: r.Beats, since: now}
	case r.Beats != w.beats:
		w.beats, w.since, w.moved = r.Beats, now, true
	}
}

// life judges the recorder that holds a claim. The claim is free when it was released; when its
// process, visible from here, no longer runs; when it is on this directory, whose journal this
// process has locked; when it is from an earlier boot of the only machine that can reach the
// database; and when it was not renewed for lapseAfter, by the database's clock or by this
// process's.
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

// oneClock reports whether one clock timed all renewals of a claim and the current read: with SQLite
// that is the clock of the host that writes.
func oneClock(s *store, me, it Place) bool {
	return s.Driver != "sqlite" || s.OneHost || me.Kernel != "" && me.Kernel == it.Kernel
}

// ClaimedError names the two places that want the same node name.
type ClaimedError struct {
	Node     string
	By, Here Place
	Identity string    // of the other place's record directory
	Since    time.Time // by the database's clock
	LastSeen time.Duration
	MayBeUs  bool // the claim may be of an earlier run of this recorder, before a reboot or long ago
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

// claimedBy returns the error for another recorder's claim.
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
