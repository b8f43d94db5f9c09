package powercut

import (
	"bytes"
	"hash/maphash"
	"iter"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
)

// event is one thing that was asked of the disk, or was noted.
type event struct {
	kind     kind
	inode    int
	off      int64 // of a write or an allocation, or the size of a truncate
	n        int64 // of an allocation
	data     []byte
	from, to string
	dir      bool
	note     any
}

type kind uint8

const (
	wrote kind = iota + 1
	truncated
	allocated
	synced
	linked
	renamed
	unlinked
	dirSynced
	noted
)

// image is what is on the disk when the power is cut. Images share the bytes of a
// file until one of them writes to it.
type image struct {
	names map[string]int // -> inode
	files map[int][]byte
	dirs  map[int]bool
	own   map[int]bool // files whose bytes no other image has
}

func (m image) clone() image {
	clear(m.own)
	return image{maps.Clone(m.names), maps.Clone(m.files), maps.Clone(m.dirs), map[int]bool{}}
}

// mine is a file's bytes to write to.
func (m *image) mine(inode int) []byte {
	if !m.own[inode] {
		m.own[inode] = true
		m.files[inode] = bytes.Clone(m.files[inode])
	}
	return m.files[inode]
}

// fate is what became of one pending event.
type fate uint8

const (
	lost    fate = iota
	kept         // all of it
	sized        // a write or an allocation: its size, and nothing of its bytes
	torn         // a write: some of its sectors
	tornToo      // and its size
)

// choice is the fate of an event, with the sectors of a torn write that are
// there, and what is read where bytes are missing: zeros, or what stale has.
type choice struct {
	fate   fate
	sector int64
	there  func(n int) bool // the n-th sector that the write touches
	stale  []byte
}

// seenRoom is how much of an allocation may become part of its file, in bytes: more
// of the same would only take longer.
const seenRoom = 32 << 10

// apply makes an event part of the image.
func (m *image) apply(e event, c choice) {
	if c.fate == lost {
		return
	}
	switch e.kind {
	case wrote:
		m.write(e, c)
	case truncated:
		m.files[e.inode] = c.resize(m.mine(e.inode), e.off)
	case allocated:
		if b := m.mine(e.inode); c.fate == sized {
			m.files[e.inode] = c.resize(b, max(int64(len(b)), e.off+min(e.n, seenRoom)))
		}
	case linked:
		m.names[e.to] = e.inode
		m.dirs[e.inode] = e.dir
	case renamed:
		if m.names[e.from] == e.inode {
			delete(m.names, e.from)
		}
		m.names[e.to] = e.inode
	case unlinked:
		delete(m.names, e.from)
	}
}

func (m *image) write(e event, c choice) {
	b, end := m.mine(e.inode), e.off+int64(len(e.data))
	if c.fate == kept {
		m.files[e.inode] = put(b, e.data, e.off)
		return
	}
	if c.fate != torn {
		b = c.resize(b, max(int64(len(b)), end))
	}
	if c.fate != sized {
		for n, at := 0, e.off/c.sector*c.sector; at < end; n, at = n+1, at+c.sector {
			from, to := max(at, e.off), min(at+c.sector, end)
			if c.there(n) {
				b = put(b, e.data[from-e.off:to-e.off], from)
			}
		}
	}
	m.files[e.inode] = b
}

// resize is that of a file whose new bytes were on the disk before.
func (c *choice) resize(b []byte, size int64) []byte {
	old := int64(len(b))
	b = resize(b, size)
	if n := int64(len(c.stale)); old < min(n, size) {
		copy(b[old:], c.stale[old:])
	}
	return b
}

// State is what a power cut left.
type State struct {
	Disk  *Disk  // as it is when the power is back; it remembers what is done to it in turn
	Notes []any  // what had been promised
	What  string // how it came about
	Cut   int    // after how many operations
	Sum   uint64 // of the names and bytes: equal disks have equal ones, until the process ends
}

// Options is how many states to visit.
type Options struct {
	Seed   uint64
	Random int    // states of each cut that are chosen at random
	Stale  []byte // what a file that was removed left on the disk, from its first byte on; nil: free blocks hold zeros
}

// States gives every state, none twice: no two with equal disks after as many
// notes. Where a sync was forgotten, those from before it are left out: they are
// what they would be with it.
func (d *Disk) States(o Options) iter.Seq[State] {
	return func(yield func(State) bool) {
		w := &walk{
			safe: d.first.clone(), random: rand.New(rand.NewPCG(o.Seed, 0)), options: o,
			yield: yield, seen: map[visited]bool{},
		}
		for i := 0; !w.done; i++ {
			if i >= d.forgotAt {
				w.cut(i)
			}
			if i == len(d.log) {
				return
			}
			w.take(d.log[i])
		}
	}
}

// walk is where a visit is: what is durable, and what is pending.
type walk struct {
	safe    image
	pending []event
	notes   []any
	random  *rand.Rand
	options Options
	yield   func(State) bool
	done    bool // nobody wants more
	seen    map[visited]bool
}

// visited is a state that was shown.
type visited struct {
	notes int
	sum   uint64
}

// take lets one more event happen. A sync makes what it is about durable.
func (w *walk) take(e event) {
	switch e.kind {
	case noted:
		w.notes = append(w.notes, e.note)
	case synced:
		w.settle(func(p event) bool {
			return p.inode == e.inode && (p.kind == wrote || p.kind == truncated || p.kind == allocated)
		})
	case dirSynced:
		w.settle(func(p event) bool {
			return (p.kind == linked || p.kind == renamed) && below(e.from, p.to) || p.kind == unlinked && below(e.from, p.from)
		})
	default:
		w.pending = append(w.pending, e)
	}
}

func (w *walk) settle(owed func(event) bool) {
	w.pending = slices.DeleteFunc(w.pending, func(p event) bool {
		if owed(p) {
			w.safe.apply(p, choice{fate: kept})
			return true
		}
		return false
	})
}

// show visits the state that choices lead to, if it is a new one. A name whose
// directory is not there is not either.
func (w *walk) show(cut int, what string, choose func(n int, e event) choice) {
	if w.done {
		return
	}
	m := w.safe.clone()
	for n, e := range w.pending {
		m.apply(e, choose(n, e))
	}
	for _, name := range slices.Sorted(maps.Keys(m.names)) { // a directory before what is in it
		if _, ok := m.names[path.Dir(name)]; !ok {
			delete(m.names, name)
		}
	}
	if v := (visited{len(w.notes), m.sum()}); !w.seen[v] {
		w.seen[v] = true
		w.done = !w.yield(State{Disk: from(m), Notes: slices.Clone(w.notes), What: what, Cut: cut, Sum: v.sum})
	}
}

var sumSeed = maphash.MakeSeed()

// sum tells images apart.
func (m *image) sum() uint64 {
	var h maphash.Hash
	h.SetSeed(sumSeed)
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		h.WriteString(name)
		h.WriteByte(0)
		h.Write(m.files[m.names[name]])
		h.WriteByte(1)
	}
	return h.Sum64()
}
