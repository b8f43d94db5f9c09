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

// event is an operation on the disk, or a note.
type event struct {
	kind     kind
	inode    int
	off      int64 // of a write or an allocation; of a truncate, the size
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

// image is the content of the disk when the power is cut. Images share the bytes of a file until
// one of them writes to it.
type image struct {
	names map[string]int // -> inode
	files map[int][]byte
	dirs  map[int]bool
	own   map[int]bool // files whose bytes no other image shares
}

func (m image) clone() image {
	clear(m.own)
	return image{maps.Clone(m.names), maps.Clone(m.files), maps.Clone(m.dirs), map[int]bool{}}
}

// mine returns a file's bytes for writing; it copies shared bytes first.
func (m *image) mine(inode int) []byte {
	if !m.own[inode] {
		m.own[inode] = true
		m.files[inode] = bytes.Clone(m.files[inode])
	}
	return m.files[inode]
}

// fate is the outcome of one pending event.
type fate uint8

const (
	lost    fate = iota
	kept         // completely
	sized        // a write or an allocation: its size without its bytes
	torn         // a write: some of its sectors, without its size
	tornToo      // a write: some of its sectors, and its size
)

// choice is the fate of an event. For a torn write it also selects the sectors that are on the
// disk. Missing bytes read as zeros, or as stale if that is not nil.
type choice struct {
	fate   fate
	sector int64
	there  func(n int) bool // reports whether the n-th sector of the write is on the disk
	stale  []byte
}

// seenRoomBytes limits how much of an allocation becomes part of its file, in bytes; more would only
// take longer.
const seenRoomBytes = 32 << 10

// apply applies an event to the image.
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
			m.files[e.inode] = c.resize(b, max(int64(len(b)), e.off+min(e.n, seenRoomBytes)))
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

// resize changes the size of a file whose new bytes have old content on the disk.
func (c *choice) resize(b []byte, size int64) []byte {
	old := int64(len(b))
	b = resize(b, size)
	if n := int64(len(c.stale)); old < min(n, size) {
		copy(b[old:], c.stale[old:])
	}
	return b
}

// State is a disk after a power cut.
type State struct {
	Disk  *Disk  // the disk when the power is back; it logs further operations
	Notes []any  // the promises made before the cut
	What  string // describes the choices that led to the state
	Cut   int    // the number of operations before the cut
	Sum   uint64 // of the names and bytes: equal disks have equal sums within a process
}

// Options selects the states to visit.
type Options struct {
	Seed   uint64
	Random int    // number of random states per cut
	Stale  []byte // content of a removed file that is left on the disk, from its first byte; nil: free blocks hold zeros
}

// States returns each distinct state once: no two have equal disks after the same number of
// notes. If a sync was forgotten, it leaves out the states before that sync, which are the same
// as with it.
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

// walk is the state of a visit: the durable image and the pending events.
type walk struct {
	safe    image
	pending []event
	notes   []any
	random  *rand.Rand
	options Options
	yield   func(State) bool
	done    bool // the consumer stopped
	seen    map[visited]bool
}

// visited identifies a state that was shown.
type visited struct {
	notes int
	sum   uint64
}

// take adds one event. A sync makes the events of its file or directory durable.
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

// show visits the state that the choices lead to if it is new. A name whose directory is missing
// is missing, too.
func (w *walk) show(cut int, what string, choose func(n int, e event) choice) {
	if w.done {
		return
	}
	m := w.safe.clone()
	for n, e := range w.pending {
		m.apply(e, choose(n, e))
	}
	for _, name := range slices.Sorted(maps.Keys(m.names)) { // a directory before its entries
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

// sum returns a checksum that distinguishes images.
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
