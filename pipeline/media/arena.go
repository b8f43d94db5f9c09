package media

// hint is the payload size to expect of a track's next chunk: that of the
// largest of late, sinking by an eighth of what was too much.
type hint int

func (h *hint) learn(n int) {
	if over := int(*h) - n; over > 0 {
		*h -= hint((over + 7) / 8)
		return
	}
	*h = hint(n)
}

// open takes the chunk that comes next, with room for what is expected of it.
func (b *Builder) open(gop bool) {
	b.seq++
	b.cur = b.pool.get(b.set)
	b.cur.Seq = b.seq
	hints := b.hintsFor(gop)
	for i := range b.cur.Tracks {
		if n := int(hints[i]); n > 0 {
			b.cur.Tracks[i].Payload = b.pool.bytes(n)
		}
	}
}

// seal hands the current chunk on; from here it is read-only.
func (b *Builder) seal() {
	c := b.cur
	b.cur = nil
	hints := b.hintsFor(c.StartsGOP)
	for i := range c.Tracks {
		col := &c.Tracks[i]
		hints[i].learn(len(col.Payload))
		b.trim(col)
	}
	b.pool.seal(c)
	b.emit(c)
}

func (b *Builder) hintsFor(gop bool) []hint {
	if gop {
		return b.hints[1]
	}
	return b.hints[0]
}

// reserve makes room for size more bytes, in one step of half as much again:
// the hints of earlier chunks make this rare.
func (b *Builder) reserve(col *Columns, size int) {
	if need := len(col.Payload) + size; need > cap(col.Payload) {
		b.move(col, max(need, cap(col.Payload)*3/2))
	}
}

// trim gives back what a payload does not use where that is more than a
// quarter of it: a chunk may be kept for long, and rings are bounded by memory.
func (b *Builder) trim(col *Columns) {
	n := len(col.Payload)
	if n == 0 {
		b.pool.putBytes(col.Payload)
		col.Payload = nil
		return
	}
	if _, size := classFor(n); size > 0 && size+size/4 < cap(col.Payload) {
		b.move(col, n)
	}
}

// move copies a payload into memory with room for n bytes.
func (b *Builder) move(col *Columns, n int) {
	moved := append(b.pool.bytes(n), col.Payload...)
	b.pool.putBytes(col.Payload)
	col.Payload = moved
}
