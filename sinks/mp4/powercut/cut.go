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

// event is an operation on the disk, or a note. Fields without a meaning for its kind are zero.
type event struct {
	kind     kind
	inode    int
	off      int64  // offset of a write or an allocation; new size of a truncate
	n        int64  // bytes of an allocation
	data     []byte // bytes of a write
	from, to string // old and new name; a synced directory is in from
	dir      bool   // the linked inode is a directory
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

// image is the content of a disk at one moment: its names and the bytes of its files. A clone
// and its original share the bytes of a file until one of the two images writes to the file
// (mine).
type image struct {
	names map[string]int // inode by name
	files map[int][]byte // bytes by inode
	dirs  map[int]bool   // inodes that are directories
	own   map[int]bool   // inodes whose bytes no other image shares
}

func (m image) clone() image {
	clear(m.own)
	return image{maps.Clone(m.names), maps.Clone(m.files), maps.Clone(m.dirs), map[int]bool{}}
}

// mine returns the bytes of a file, given by its inode, for the caller to change. If other
// images share the bytes, mine copies them first.
func (m *image) mine(inode int) []byte {
	if !m.own[inode] {
		m.own[inode] = true
		m.files[inode] = bytes.Clone(m.files[inode])
	}
	return m.files[inode]
}

// fate describes how much of a pending event is on the disk after a power cut.
type fate uint8

const (
	lost    fate = iota // nothing
	kept                // everything
	sized               // of a write or an allocation: the new file size without the bytes
	torn                // of a write: some of its sectors, without the new file size
	tornToo             // of a write: some of its sectors, and the new file size
)

// choice is the fate of an event, with the details of a torn write. Missing bytes read as zeros
// or, if stale is not nil, as the bytes of stale at the same offset.
type choice struct {
	fate   fate
	sector int64            // size of a sector in bytes
	there  func(n int) bool // reports whether the n-th sector of the write is on the disk
	stale  []byte
}

// seenRoomBytes limits the bytes by which apply extends a file for an allocation with the fate
// sized. More bytes would take longer and test nothing more.
const seenRoomBytes = 32 << 10

// apply makes the change of the event e in the image, as far as c, the fate of the event, keeps
// it.
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

// resize returns b, the bytes of a file, with the given size. Added bytes are zeros or, where
// c.stale has bytes at the same offsets, copies of these.
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
	Disk  *Disk  // the disk after the power is back; it logs further operations
	Notes []any  // the notes recorded before the cut
	What  string // description of the pending events that were kept
	Cut   int    // number of events in the log before the cut
	Sum   uint64 // checksum of names and bytes: equal for equal disks, within a process
}

// Options selects the states to visit. Stale is the content of a removed file: bytes that were
// never written read as the bytes of Stale at the same offset. Without it they read as zeros.
type Options struct {
	Seed   uint64 // seed of the random states
	Random int    // number of random states per cut
	Stale  []byte
}

// States yields the states in which a power cut, at each point of the log, may leave the disk;
// the package comment lists which. It yields states with equal disks and the same number of
// notes only once. If a sync was skipped (Disk.Forget), States leaves out the cuts before that
// sync, since the skip does not change their states.
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

// walk is the progress of Disk.States through the log of the disk.
type walk struct {
	safe    image   // the durable content of the disk
	pending []event // the events that no sync has made durable, in order
	notes   []any
	random  *rand.Rand
	options Options
	yield   func(State) bool
	done    bool             // the caller's loop ended
	seen    map[visited]bool // states that were yielded
}

// visited identifies a state that was yielded, by its number of notes and the checksum of its
// disk.
type visited struct {
	notes int
	sum   uint64
}

// take moves the walk past the event e of the log. A sync makes the pending events of its file
// or directory durable; a note is added to w.notes; any other event becomes pending.
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

// settle moves the pending events for which owed returns true to w.safe, the durable content.
func (w *walk) settle(owed func(event) bool) {
	w.pending = slices.DeleteFunc(w.pending, func(p event) bool {
		if owed(p) {
			w.safe.apply(p, choice{fate: kept})
			return true
		}
		return false
	})
}

// show yields the state in which each pending event e, the n-th from 0, has the fate choose(n,
// e). It does not yield a state twice. If the fates leave a directory without its name, the
// names in that directory are missing too. cut and what become State.Cut and State.What.
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

// sum returns a checksum of all names and bytes of the image.
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
