package powercut

import "fmt"

// sectors lists the sector sizes of disks, in bytes.
var sectors = [...]int64{512, 4096}

// cut yields the states in which a power cut now may leave the disk; the package comment lists
// which. at is the number of events before the cut: see State.Cut.
func (w *walk) cut(at int) {
	all := func(f fate, stale []byte) func(int, event) choice {
		return func(_ int, e event) choice {
			if f == sized && !e.sizes() {
				return choice{fate: kept, stale: stale}
			}
			return choice{fate: f, stale: stale}
		}
	}
	w.show(at, "everything kept", all(kept, nil))
	w.show(at, "everything lost", all(lost, nil))
	w.show(at, "sizes without bytes", all(sized, nil))
	w.show(at, "sizes with bytes of another file", all(sized, w.options.Stale))
	for k := range w.pending {
		w.single(at, k)
	}
	w.tearLast(at)
	for range w.options.Random {
		w.show(at, "at random", w.any)
	}
}

// single yields the states in which the k-th pending event, from 0, has another fate than all
// other pending events, and the state in which only the pending events before the k-th are kept.
// at is the number of events before the cut.
func (w *walk) single(at, k int) {
	one := func(of, others fate) func(int, event) choice {
		return func(n int, _ event) choice {
			if n == k {
				return choice{fate: of}
			}
			return choice{fate: others}
		}
	}
	w.show(at, fmt.Sprintf("the first %d kept", k), func(n int, _ event) choice {
		if n < k {
			return choice{fate: kept}
		}
		return choice{fate: lost}
	})
	w.show(at, fmt.Sprintf("number %d lost", k), one(lost, kept))
	w.show(at, fmt.Sprintf("number %d alone kept", k), one(kept, lost))
	if w.pending[k].sizes() {
		w.show(at, fmt.Sprintf("of number %d the size", k), one(sized, kept))
		w.show(at, fmt.Sprintf("of number %d the size, with bytes of another file", k), func(n int, e event) choice {
			c := one(sized, kept)(n, e)
			c.stale = w.options.Stale
			return c
		})
	}
}

// sizes reports whether the event can have the fate sized: the power cut leaves the new size of
// the file without the bytes.
func (e *event) sizes() bool { return e.kind == wrote || e.kind == allocated }

// tearLast yields the states in which the last pending event is torn at one of its sector
// boundaries, and all other pending events are kept. It yields none if that event is not a
// write. Either the beginning or the end of the write is on the disk. at is the number of events
// before the cut.
func (w *walk) tearLast(at int) {
	last := len(w.pending) - 1
	if last < 0 || w.pending[last].kind != wrote {
		return
	}
	e := w.pending[last]
	for _, sector := range sectors {
		n := int((e.off+int64(len(e.data))-1)/sector - e.off/sector) // sector boundaries within the write
		for edge := 1; edge <= n; edge++ {
			head, tail := func(k int) bool { return k < edge }, func(k int) bool { return k >= edge }
			stale := w.options.Stale
			for _, c := range [...]choice{
				{torn, sector, head, nil}, {tornToo, sector, head, nil}, {tornToo, sector, tail, nil}, {tornToo, sector, head, stale}, {tornToo, sector, tail, stale},
			} {
				w.show(at, fmt.Sprintf("the last write torn at sector %d of %d bytes", edge, sector), func(n int, _ event) choice {
					if n == last {
						return c
					}
					return choice{fate: kept}
				})
			}
		}
	}
}

// any returns a random fate, of those that are possible for the event e. It is a choose function
// of show.
func (w *walk) any(_ int, e event) choice {
	var stale []byte
	if w.random.IntN(2) == 1 {
		stale = w.options.Stale
	}
	switch e.kind {
	case wrote:
		bits := w.random.Uint64()
		return choice{fate(w.random.IntN(5)), sectors[w.random.IntN(len(sectors))], func(n int) bool { return bits>>(n%64)&1 == 1 }, stale}
	case allocated:
		return choice{fate: fate(w.random.IntN(3)), stale: stale}
	default:
		return choice{fate: fate(w.random.IntN(2)), stale: stale}
	}
}
