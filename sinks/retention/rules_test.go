package retention

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/retained"
)

// TestChoiceAgainstTheRules checks the choice for random footage and policies against each rule.
func TestChoiceAgainstTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items, policy := drawItems(t), drawPolicy(t)
		space := filesystem.Capacity{UsableBytes: 1000, FreeBytes: rapid.Int64Range(0, 1000).Draw(t, "free")}
		queue := policy.rank(items, morning, always)
		sums := total(items)
		rules := append(policy.byteRules(sums, totals{}), policy.diskRules(space, 0)...)
		out, left, short := choose(queue, rules, true)

		require.Len(t, queue, len(out)+len(left), "each goes or stays, once")
		gone, freed := map[*Item]retained.Class{}, map[string]int64{}
		for _, e := range out {
			require.NotContains(t, gone, e.Item)
			gone[e.Item] = e.class
			freed[e.Stream] += e.RoomBytes
			freed["in all"] += e.RoomBytes
			mayGo(t, &policy, e.Item)
			inTurn(t, &policy, e, rules, left)
		}
		for _, r := range left {
			require.NotContains(t, gone, r.Item)
			require.NotEqual(t, retained.ClassExpired, r.class, "what expired always goes")
		}
		for _, r := range rules {
			served(t, r, gone, left, freed, short)
		}
		if len(rules) == 0 {
			for _, class := range gone {
				require.Equal(t, retained.ClassExpired, class, "without a shortage only what expired goes")
			}
		}
	})
}

// inTurn checks that no file stays that should have been deleted before e: of the footage of the
// same rule, all remaining files come later.
func inTurn(t *rapid.T, p *Policy, e eviction, rules []rule, left []ranked) {
	if e.class == retained.ClassExpired {
		return
	}
	gone := ranked{e.Item, e.class, p.priority(e.Stream)}
	fits := func(r rule) bool {
		if r.cause != e.cause || r.stream != "" && r.stream != e.Stream {
			return false
		}
		return !slices.ContainsFunc(left, func(l ranked) bool {
			return (r.stream == "" || l.Stream == r.stream) && inOrder(l, gone) < 0
		})
	}
	require.True(t, slices.ContainsFunc(rules, fits), "%s went for %s, out of turn", e.Path, e.cause)
}

func always(*Item) bool { return true }

// mayGo checks that a deleted file was not exempt.
func mayGo(t *rapid.T, p *Policy, it *Item) {
	require.False(t, it.Protected, "protected")
	require.NotEqual(t, Growing, it.Kind)
	require.NotEqual(t, Foreign, it.Kind)
	require.GreaterOrEqual(t, morning.UnixNano()-it.EndUTC, int64(p.keepAtLeast(it.Stream)), "young")
}

// served checks that a rule got as much as it needs, or that nothing is left for it.
func served(t *rapid.T, r rule, gone map[*Item]retained.Class, left []ranked, freed map[string]int64, short []shortage) {
	got, scope := freed["in all"], func(stream string) bool { return true }
	if r.stream != "" {
		got, scope = freed[r.stream], func(stream string) bool { return stream == r.stream }
	}
	lacks := false
	for _, s := range short {
		lacks = lacks || s.rule == r
	}
	require.Equal(t, got < r.need, lacks)
	for _, l := range left {
		if lacks {
			require.False(t, scope(l.Stream), "%s could have gone", l.Path)
		}
	}
}

func drawItems(t *rapid.T) (items []*Item) {
	for i := range rapid.IntRange(0, 30).Draw(t, "files") {
		size := rapid.Int64Range(1, 100).Draw(t, "size")
		end := morning.Add(-time.Duration(rapid.IntRange(0, 20).Draw(t, "days")) * day)
		items = append(items, &Item{
			Path: fmt.Sprintf("%02d.mp4", i), Stream: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "stream"),
			StartUTC: end.Add(-time.Minute).UnixNano(), EndUTC: end.UnixNano(),
			SizeBytes: size, RoomBytes: size, Kind: rapid.SampledFrom([]Kind{Footage, Footage, Event, Orphan, Growing, Foreign}).Draw(t, "kind"),
			Protected: rapid.IntRange(0, 4).Draw(t, "protected") == 0,
		})
	}
	return items
}

func drawPolicy(t *rapid.T) Policy {
	limits := func(name string) Limits {
		return Limits{
			Expire:       time.Duration(rapid.SampledFrom([]int{0, 0, 5, 15}).Draw(t, name+"expire")) * day,
			MaxBytes:     rapid.SampledFrom([]int64{0, 0, 50, 500}).Draw(t, name+"max"),
			MinFreeBytes: rapid.SampledFrom([]int64{0, 0, 100, 700}).Draw(t, name+"free"),
			KeepAtLeast:  time.Duration(rapid.SampledFrom([]int{0, 0, 2, 10}).Draw(t, name+"keep")) * day,
		}
	}
	return Policy{
		Limits: limits("all "), DiskMaxPercent: rapid.SampledFrom([]int{0, 50, 90}).Draw(t, "percent"),
		Streams: map[string]StreamPolicy{
			"a": {Limits: limits("a "), Priority: rapid.IntRange(-1, 1).Draw(t, "priority")},
			"b": {Limits: limits("b ")},
		},
	}
}

// TestOrderOfEviction checks the order against a second formulation.
func TestOrderOfEviction(t *testing.T) {
	ago := func(days int) int64 { return morning.Add(-time.Duration(days) * day).UnixNano() }
	items := []*Item{
		{Path: "newest event of low", Stream: "low", Kind: Event, StartUTC: ago(1), EndUTC: ago(1)},
		{Path: "old event", Stream: "a", Kind: Event, StartUTC: ago(8), EndUTC: ago(8)},
		{Path: "new footage", Stream: "a", StartUTC: ago(1), EndUTC: ago(1)},
		{Path: "old footage", Stream: "a", StartUTC: ago(2), EndUTC: ago(2)},
		{Path: "new footage of low", Stream: "low", StartUTC: ago(1), EndUTC: ago(1)},
		{Path: "old footage of high", Stream: "high", StartUTC: ago(9), EndUTC: ago(9)},
		{Path: "expired event", Stream: "a", Kind: Event, StartUTC: ago(11), EndUTC: ago(11)},
		{Path: "orphan", Kind: Orphan, EndUTC: ago(1)},
		{Path: "protected", Stream: "low", Protected: true, StartUTC: ago(99), EndUTC: ago(99)},
		{Path: "never expires", Stream: "never", StartUTC: ago(99), EndUTC: ago(99)},
	}
	p := Policy{Limits: Limits{Expire: 10 * day}, Streams: map[string]StreamPolicy{
		"low": {Priority: -5}, "high": {Priority: 5}, "never": {Limits: Limits{Expire: -1}, Priority: 9},
	}}
	var order []string
	for _, r := range p.rank(items, morning, always) {
		order = append(order, r.Path)
	}
	require.Equal(t, []string{
		"orphan", "expired event", "new footage of low", "old footage", "new footage", "old footage of high",
		"never expires", "newest event of low", "old event",
	}, order)
}
