package retention

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/retained"
)

// ranked is an item of the keeper's queue of files that may be deleted, with the properties that
// determine its place in the order of deletion.
type ranked struct {
	*Item
	class    retained.Class
	priority int
}

// rank returns the items that may be deleted, in the order of deletion. expires reports whether an
// expired item may be deleted because of its age; if not, the item is ranked as if it had not
// expired.
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

// ranked returns an item with the class and the priority that determine its place in the queue, and
// false if the item must stay. expires reports whether an expired item may be deleted because of
// its age.
func (p *Policy) ranked(it *Item, now time.Time, expires func(*Item) bool) (ranked, bool) {
	c := p.class(it, now)
	if c == retained.ClassExpired && !expires(it) {
		c = it.Kind.class()
	}
	return ranked{it, c, p.priority(it.Stream)}, goes(c)
}

// inOrder compares the places of a and b in the order of deletion. It returns a negative number if
// a is deleted before b, and a positive one if a is deleted after b.
func inOrder(a, b ranked) int {
	return cmp.Or(cmp.Compare(evictionOrder[a.class], evictionOrder[b.class]), cmp.Compare(a.priority, b.priority),
		cmp.Compare(a.began(), b.began()), cmp.Compare(a.StartUTC, b.StartUTC), strings.Compare(a.Path, b.Path))
}
