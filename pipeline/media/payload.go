package media

// Payload is the bytes of one track in one chunk, in mdat form: NAL units behind
// 4-byte lengths, or raw frames, one after another.
//
// They lie in blocks of the pool's memory, so that a chunk never takes more than
// it holds, and nothing moves while it grows. Every block but the last is full
// and a multiple of 4 KiB: where the first begins on a boundary in a file, so do
// those behind it. An access unit may run over the end of a block.
type Payload struct {
	blocks    [][]byte
	sizeBytes int // of all blocks together
}

// NewPayload returns the payload that b is, in mdat form. It copies nothing.
func NewPayload(b []byte) Payload {
	if len(b) == 0 {
		return Payload{}
	}
	return Payload{blocks: [][]byte{b}, sizeBytes: len(b)}
}

// Len is the size in bytes.
func (p *Payload) Len() int { return p.sizeBytes }

// Blocks are the bytes in their order: what one writev takes. They are the
// chunk's: not to be changed, except by the source that asked for them with
// Pool.NewChunk, and not to be touched after the chunk's release.
func (p *Payload) Blocks() [][]byte { return p.blocks }

// Slices appends to dst where n bytes from an offset on lie. It copies nothing.
func (p *Payload) Slices(dst [][]byte, from, n int) [][]byte {
	for _, b := range p.blocks {
		if n == 0 {
			break
		}
		if from >= len(b) {
			from -= len(b)
			continue
		}
		take := min(n, len(b)-from)
		dst = append(dst, b[from:from+take:from+take])
		from, n = 0, n-take
	}
	return dst
}

// From is the payload without its first n bytes. It shares the memory.
func (p *Payload) From(n int) Payload {
	return Payload{blocks: p.Slices(nil, n, p.sizeBytes-n), sizeBytes: p.sizeBytes - n}
}

// Append copies the payload behind dst.
func (p *Payload) Append(dst []byte) []byte {
	for _, b := range p.blocks {
		dst = append(dst, b...)
	}
	return dst
}

// memory is what the blocks take.
func (p *Payload) memory() (n int) {
	for _, b := range p.blocks {
		n += cap(b)
	}
	return n
}

// nextBlock is the size of block number k of a payload that grows: small ones
// first, because sound needs no more.
func nextBlock(k int) int { return maxBlock >> max(2-k, 0) }

// add copies bytes behind what is there.
func (p *Payload) add(pool *Pool, src []byte) {
	p.sizeBytes += len(src)
	for {
		if k := len(p.blocks) - 1; k >= 0 {
			last := p.blocks[k]
			n := min(cap(last)-len(last), len(src))
			p.blocks[k] = append(last, src[:n]...)
			src = src[n:]
		}
		if len(src) == 0 {
			return
		}
		p.blocks = append(p.blocks, pool.block(nextBlock(len(p.blocks))))
	}
}

// grow makes room for n bytes, whose content is not defined.
func (p *Payload) grow(pool *Pool, n int) {
	p.sizeBytes = n
	for n > 0 {
		b := pool.block(blockFor(n))
		b = b[:min(n, cap(b))]
		p.blocks = append(p.blocks, b)
		n -= len(b)
	}
}

// cut keeps the first n bytes.
func (p *Payload) cut(pool *Pool, n int) {
	p.sizeBytes = n
	for i, b := range p.blocks {
		if n < len(b) {
			if n > 0 {
				p.blocks[i] = b[:n]
				i++
			}
			p.free(pool, i)
			return
		}
		n -= len(b)
	}
}

// trim puts what a half empty last block holds into smaller ones: a chunk may be
// kept for long, and rings are bounded by memory.
func (p *Payload) trim(pool *Pool) {
	k := len(p.blocks) - 1
	if k < 0 {
		return
	}
	last := p.blocks[k]
	if cap(last) == minBlock || len(last) > cap(last)*7/8 {
		return
	}
	p.blocks = p.blocks[:k]
	for rest := last; len(rest) > 0; {
		b := pool.block(blockFor(len(rest)))
		n := min(cap(b), len(rest))
		p.blocks = append(p.blocks, append(b, rest[:n]...))
		rest = rest[n:]
	}
	pool.freeBlocks(last)
}

// blockFor is the block to take for what is left of n bytes: the largest that
// they fill, or the smallest.
func blockFor(n int) int {
	size := maxBlock
	for size > minBlock && size > n {
		size /= 2
	}
	return size
}

// free gives the blocks from number i on back.
func (p *Payload) free(pool *Pool, i int) {
	pool.freeBlocks(p.blocks[i:]...)
	clear(p.blocks[i:])
	p.blocks = p.blocks[:i]
}
