package file

import "github.com/gospool/spool/pipeline/media"

// earlySound holds the chunks with sound that precedes the first picture of a transport stream. A file begins with a key
// frame, so the chunk of that gets the sound, as a Reader makes it.
type earlySound struct {
	pool *media.Pool
	held []*media.Chunk
	over bool // the first picture has come
	size int  // bytes of memory of held
}

// maxEarlyBytes bounds the memory of held chunks.
const maxEarlyBytes = 8 << 20

// put takes a chunk with its reference, and returns the chunks that go on now.
func (e *earlySound) put(c *media.Chunk) []*media.Chunk {
	switch {
	case e.over:
		return []*media.Chunk{c}
	case c.Lead().Len() == 0 && e.size+c.MemoryBytes() <= maxEarlyBytes && (len(e.held) == 0 || e.held[0].Set == c.Set):
		e.held, e.size = append(e.held, c), e.size+c.MemoryBytes()
		return nil
	}
	e.over = true
	all := append(e.rest(), c)
	if len(all) == 1 || !c.StartsGOP || all[0].Set != c.Set {
		return all
	}
	defer func() {
		for _, c := range all {
			c.Release()
		}
	}()
	return []*media.Chunk{join(e.pool, all)}
}

// rest returns the held chunks.
func (e *earlySound) rest() []*media.Chunk {
	all := e.held
	e.held = nil
	return all
}

// join returns a chunk with the media of chunks of one track set, of which only the last one has pictures.
func join(pool *media.Pool, all []*media.Chunk) *media.Chunk {
	last := all[len(all)-1]
	sizes := make([]int, len(last.Tracks))
	for _, c := range all {
		for i := range c.Tracks {
			sizes[i] += c.Tracks[i].Payload.Len()
		}
	}
	out := pool.NewChunk(last.Set, last.Seq, sizes)
	out.UTC, out.StartsGOP, out.More = last.UTC, last.StartsGOP, last.More
	for i := range out.Tracks {
		col := &out.Tracks[i]
		room := col.Payload.Blocks()
		for _, c := range all {
			of := &c.Tracks[i]
			if of.Len() == 0 {
				continue
			}
			col.DTS, col.OffsetTicks = append(col.DTS, of.DTS...), append(col.OffsetTicks, of.OffsetTicks...)
			col.SizeBytes, col.Flags = append(col.SizeBytes, of.SizeBytes...), append(col.Flags, of.Flags...)
			col.EndTicks = of.EndTicks
			for _, b := range of.Payload.Blocks() {
				room = fill(room, b)
			}
		}
	}
	pool.Seal(out)
	return out
}

// fill copies b into the blocks room, and returns what is left of them.
func fill(room [][]byte, b []byte) [][]byte {
	for len(b) > 0 {
		n := copy(room[0], b)
		b = b[n:]
		if n == len(room[0]) {
			room = room[1:]
		} else {
			room = append([][]byte{room[0][n:]}, room[1:]...)
		}
	}
	return room
}
