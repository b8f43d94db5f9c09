package media

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Random appends and cuts against one contiguous slice.
func TestPayloadIsOneRunOfBytes(t *testing.T) {
	for seed := range byte(15) {
		source := rand.NewChaCha8([32]byte{seed})
		rng := rand.New(source)
		pool := NewPool(1 << 22)
		var p Payload
		var want []byte
		for range 60 {
			part := make([]byte, rng.IntN(1<<(4+rng.IntN(15))))
			_, _ = source.Read(part)
			p.add(pool, part)
			want = append(want, part...)
			if rng.IntN(10) == 0 {
				n := rng.IntN(len(want) + 1)
				pool.freeBlocks(p.cut(n)...)
				want = want[:n]
			}
		}
		check := func() {
			require.Equal(t, len(want), p.Len())
			require.True(t, bytes.Equal(want, p.Append(nil)))
			requireChecksum(t, &p)
			for range 20 {
				from := rng.IntN(len(want) + 1)
				n := rng.IntN(len(want) - from + 1)
				require.True(t, bytes.Equal(want[from:from+n], bytes.Join(p.Slices(nil, from, n), nil)))
				behind := p.From(from)
				require.True(t, bytes.Equal(want[from:], behind.Append(nil)))
				require.Equal(t, len(want)-from, behind.Len())
				requireChecksum(t, &behind)
			}
			for i, b := range p.Blocks() {
				require.True(t, i == len(p.Blocks())-1 || len(b) == cap(b), "block %d has a hole", i)
			}
		}
		check()
		p.trim(pool)
		check()
		require.LessOrEqual(t, p.memory()-p.Len(), maxBlock/8)
		p.free(pool, 0)
		require.Zero(t, p.memory())
	}
}

// requireChecksum requires that a known checksum is that of the payload's bytes.
func requireChecksum(t *testing.T, p *Payload) (known bool) {
	sum, known := p.Checksum()
	if known {
		require.Equal(t, crc32.Checksum(p.Append(nil), crc32.MakeTable(crc32.Castagnoli)), sum)
	}
	return known
}

// The checksum is known as long as all bytes came by add, and no longer after a cut, even if as many bytes as before
// are added.
func TestThePayloadKnowsItsChecksum(t *testing.T) {
	pool := NewPool(0)
	var p Payload
	require.True(t, requireChecksum(t, &p), "no bytes")
	for i := range 40 {
		p.add(pool, bytes.Repeat([]byte{byte(i)}, 1+i*997))
		require.True(t, requireChecksum(t, &p))
	}
	p.trim(pool)
	require.True(t, requireChecksum(t, &p))
	pool.freeBlocks(p.cut(p.Len())...)
	require.True(t, requireChecksum(t, &p), "nothing was cut off")
	n := p.Len()
	pool.freeBlocks(p.cut(n - 5000)...)
	require.False(t, requireChecksum(t, &p))
	p.add(pool, make([]byte, 5000))
	require.Equal(t, n, p.Len())
	require.False(t, requireChecksum(t, &p))
	for _, unknown := range []Payload{NewPayload([]byte("abc")), p.From(1)} {
		require.False(t, requireChecksum(t, &unknown))
	}
	var read Payload
	read.grow(pool, 70_000)
	require.False(t, requireChecksum(t, &read), "the source has yet to write the bytes")
}

func TestPayloadOfKnownSize(t *testing.T) {
	pool := NewPool(0)
	for _, n := range []int{0, 1, 4095, 4096, 4097, 70_000, 1 << 20} {
		var p Payload
		p.grow(pool, n)
		require.Equal(t, n, p.Len())
		require.Len(t, p.Append(nil), n)
		require.Less(t, p.memory()-n, minBlock, "%d bytes", n)
	}
}

// The kept blocks and the ones returned to the system add up to all that were allocated.
func TestBlocksAreNeitherLostNorGivenTwice(t *testing.T) {
	pool := NewPool(256 << 10)
	rng := rand.New(rand.NewPCG(3, 4))
	var held [][]byte
	for range 3000 {
		if len(held) > 0 && rng.IntN(2) == 0 {
			i := rng.IntN(len(held))
			require.Equal(t, len(held[i]), bytes.Count(held[i], held[i][:1]), "another has written to it")
			pool.freeBlocks(held[i])
			held[i] = held[len(held)-1]
			held = held[:len(held)-1]
			continue
		}
		b := pool.block(minBlock << rng.IntN(blockSizes))
		require.Empty(t, b)
		b = b[:cap(b)]
		mark := byte(rng.Uint32())
		for i := range b {
			b[i] = mark
		}
		held = append(held, b)
	}
	total := len(pool.blocks.slab)
	for _, b := range held {
		total += cap(b)
	}
	for k := range blockSizes {
		total += (len(pool.blocks.backed[k]) + len(pool.blocks.unbacked[k])) * (minBlock << k)
	}
	require.Equal(t, len(pool.blocks.slabs.all)*slabBytes, total)
	for _, b := range held {
		pool.freeBlocks(b)
	}
	require.Zero(t, pool.blocks.used)
	require.LessOrEqual(t, pool.blocks.idle, 256<<10)
}
