package retention

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/retained"
)

// ranked is an item in the queue.
type ranked struct {
	*Item
	class    retained.Class
	priority int
}

// rank returns the items that may be deleted, in the order of deletion. An expired item comes
// first if it may expire, and else has its place by kind.
func (p *Policy) rank(items []*Item, now time.Time, expires func(*Item) bool) []ranked {
	var queue []ranked
	for _, it := range items {
		if r, ok := p.ranked(it, now, expires); ok {
			queue = append(queue, r)
		}
	}
	slices.SortFunc(queue, inOrder)
	return queue
}

// ranked returns an item's place in the queue; false: the item must stay.
func (p *Policy) ranked(it *Item, now time.Time, expires func(*Item) bool) (ranked, bool) {
	c := p.class(it, now)
	if c == retained.ClassExpired && !expires(it) {
		c = it.Kind.class()
	}
	return ranked{it, c, p.priority(it.Stream)}, goes(c)
}

// inOrder compares two items by their order of deletion.
func inOrder(a, b ranked) int {
	return cmp.Or(cmp.Compare(evictionOrder[a.class], evictionOrder[b.class]), cmp.Compare(a.priority, b.priority),
		cmp.Compare(a.began(), b.began()), cmp.Compare(a.StartUTC, b.StartUTC), strings.Compare(a.Path, b.Path))
}
