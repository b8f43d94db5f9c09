package media

// NewChunk takes a chunk for a source that knows what will be in it before it
// has the bytes, as one that reads a file does: the payload of track i has
// sizes[i] bytes, for the caller to fill in, and its columns are empty, for the
// caller to append to. Nothing is copied afterwards, as a Builder must.
//
// The caller keeps what a Builder would: columns as their doc comment says, a
// number one above that of the chunk before. It calls Seal when the chunk is
// complete, and also before it releases one that it gives up.
func (p *Pool) NewChunk(set *TrackSet, seq uint64, sizes []int) *Chunk {
	c := p.get(set)
	c.Seq = seq
	for i, n := range sizes {
		c.Tracks[i].Payload.grow(p, n)
	}
	return c
}

// Seal ends the making of a chunk that NewChunk gave: from here on it is
// read-only.
func (p *Pool) Seal(c *Chunk) { p.seal(c) }
