package media

// Observer gets each access unit of a Builder as soon as the open chunk has it.
type Observer interface {
	// Added reports the access unit i of a track of the open chunk, which is the newest one of that track. utc is its
	// wall clock, ns, and lost reports that media of the track is missing right before it. The bytes of the unit stay
	// where they are until the chunk is released: the observer may Retain the chunk, and read the bytes while the chunk
	// grows. The columns of the chunk may change until it is emitted. A unit whose time belongs to the next chunk moves
	// there when the chunk ends; Added does not report it again, and its bytes also stay in the first chunk.
	Added(c *Chunk, track, i int, utc int64, lost bool)
}

// Observe makes the builder report each further access unit to o; nil ends that. It returns the open chunk, with the
// units that are not reported, or nil if there is none.
func (b *Builder) Observe(o Observer) *Chunk {
	b.observer = o
	if b.cur != nil && o != nil {
		b.cur.observed = true
	}
	return b.cur
}

// observe reports the newest access unit of a track.
func (b *Builder) observe(track int, au *AU, lost bool) {
	if b.observer == nil {
		return
	}
	b.cur.observed = true
	b.observer.Added(b.cur, track, b.cur.Tracks[track].Len()-1, au.UTC, lost)
}
