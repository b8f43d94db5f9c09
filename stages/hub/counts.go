package hub

import (
	"sort"
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// counts holds a number of losses, or of repairs, for each cause. It is safe for concurrent use.
// The publisher updates it only at a loss or a repair, not for each access unit.
type counts struct {
	mu sync.Mutex // guards the fields below
	by map[string]uint64
}

func (c *counts) add(cause string, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]uint64{}
	}
	c.by[cause] += n
}

func (c *counts) of(cause string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[cause]
}

// list returns the counts sorted by cause.
func (c *counts) list() []media.Loss {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]media.Loss, 0, len(c.by))
	for cause, n := range c.by {
		out = append(out, media.Loss{Cause: cause, Count: n})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Cause < out[j].Cause })
	return out
}

func (c *counts) repairs() []media.Repair {
	list := c.list()
	out := make([]media.Repair, len(list))
	for i, l := range list {
		out[i] = media.Repair(l)
	}
	return out
}
