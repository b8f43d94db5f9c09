package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// MaxGaps bounds the gaps in one answer.
const MaxGaps = 1000

// Gap is missing media of a stream.
type Gap struct {
	media.Gap          // StartUTC is set, also for a gap before a recording
	Recording media.ID // the recording that lists it
	Inside    bool     // it is inside the recording; otherwise before it
}

// gaps collects the gaps in a span, in memory for 2*MaxGaps.
type gaps struct {
	fromUTC, toUTC int64
	list           []Gap
	cut            bool // a gap was left out
}

// addAll adds the gaps before and inside a recording.
func (g *gaps) addAll(r *media.Record) {
	if !r.State.Here() {
		return
	}
	g.addBefore(r)
	for _, one := range r.Gaps {
		g.add(Gap{one, r.ID, true})
	}
}

// addBefore adds the gap before a recording.
func (g *gaps) addBefore(r *media.Record) {
	if !r.Gap.None() && r.State.Here() {
		one := r.Gap
		one.StartUTC = r.StartUTC - one.DurationNS
		g.add(Gap{one, r.ID, false})
	}
}

func (g *gaps) add(one Gap) {
	if one.StartUTC >= g.toUTC || one.EndUTC() < g.fromUTC || one.DurationNS > 0 && one.EndUTC() == g.fromUTC {
		return
	}
	g.list = append(g.list, one)
	if len(g.list) == 2*MaxGaps {
		g.shorten()
	}
}

// shorten leaves out all but the longest MaxGaps gaps.
func (g *gaps) shorten() {
	g.unite()
	if len(g.list) <= MaxGaps {
		return
	}
	slices.SortStableFunc(g.list, func(a, b Gap) int { return cmp.Compare(b.Missing(), a.Missing()) })
	clear(g.list[MaxGaps:])
	g.list, g.cut = g.list[:MaxGaps], true
}

// sameWithin is the difference of begin and end up to which two gaps with one cause are one, which
// two pipelines have listed.
const sameWithin = int64(time.Second)

// unite sorts the gaps by begin and leaves out those that another pipeline has listed, too.
func (g *gaps) unite() {
	slices.SortStableFunc(g.list, func(a, b Gap) int { return cmp.Compare(a.StartUTC, b.StartUTC) })
	kept := g.list[:0]
	for _, one := range g.list {
		same := false
		for i := len(kept) - 1; i >= 0 && !same && one.StartUTC-kept[i].StartUTC <= sameWithin; i-- {
			k := &kept[i]
			same = k.Recording != one.Recording && k.Cause == one.Cause && k.Track == one.Track && near(k.EndUTC(), one.EndUTC())
		}
		if !same {
			kept = append(kept, one)
		}
	}
	clear(g.list[len(kept):])
	g.list = kept
}

func near(a, b int64) bool { return max(a-b, b-a) <= sameWithin }

// result returns the gaps, the oldest first, and whether some were left out.
func (g *gaps) result() ([]Gap, bool) {
	g.shorten()
	slices.SortStableFunc(g.list, func(a, b Gap) int { return cmp.Compare(a.StartUTC, b.StartUTC) })
	return g.list, g.cut
}
