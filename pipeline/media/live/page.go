package live

import "sync/atomic"

// pageUnits is the number of units in a page: about a second of a camera with sound.
const pageUnits = 64

// page is a part of the ring's list of units. The first written units are complete and never change. The collector
// frees a page that neither the ring nor a reader refers to.
type page struct {
	units   [pageUnits]Unit
	written atomic.Int32         // watermark: number of complete units
	next    atomic.Pointer[page] // nil in the newest page
	parts   [][]byte             // memory of Unit.more
}

// place is a position in the list of units.
type place struct {
	page  *page
	index int32
}

// unit returns the unit at the place, or nil before it is written. It moves a place at the end of a page to the next
// page.
func (p *place) unit() *Unit {
	for p.index == pageUnits {
		next := p.page.next.Load()
		if next == nil {
			return nil
		}
		p.page, p.index = next, 0
	}
	if p.index >= p.page.written.Load() {
		return nil
	}
	return &p.page.units[p.index]
}

// split stores parts, the slices of a unit's payload, in u. The slices beyond the first go into the page's own memory, of
// which one allocation serves many units.
func (p *page) split(u *Unit, parts [][]byte) {
	u.bytes, u.more = nil, nil
	if len(parts) == 0 {
		return
	}
	u.bytes = parts[0]
	rest := parts[1:]
	if len(rest) == 0 {
		return
	}
	if len(p.parts)+len(rest) > cap(p.parts) {
		p.parts = make([][]byte, 0, max(pageUnits, len(rest)))
	}
	n := len(p.parts)
	p.parts = append(p.parts, rest...)
	u.more = p.parts[n:len(p.parts):len(p.parts)]
}
