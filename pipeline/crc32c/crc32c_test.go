package crc32c

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = random.Read(b)
	return b
}

// Every length around the blocks, at odd addresses, is copied whole, and nothing beside it is touched.
func TestACopyHasTheChecksumOfItsBytes(t *testing.T) {
	all := randomBytes(40_000)
	for _, n := range []int{0, 1, 4, 7, 8, 63, 64, 127, 128, 383, 384, 385, 767, 768, 1023, 1024, 3071, 3072, 3073, 3080, 6143, 6144, 6145, 9216, 33_333} {
		for at := range 9 {
			src, before := all[at:at+n], bytes.Clone(all)
			room := bytes.Repeat([]byte{0xa5}, n+32)
			dst := room[16-at:][:n]
			sum := Copy(dst, src, 7)
			require.Equal(t, crc32.Update(7, table, src), sum, "%d bytes at %d", n, at)
			require.Equal(t, src, dst)
			require.Equal(t, bytes.Repeat([]byte{0xa5}, 16-at), room[:16-at], "the bytes before")
			require.Equal(t, bytes.Repeat([]byte{0xa5}, 16+at), room[16-at+n:], "the bytes behind")
			require.Equal(t, before, all, "the source")
		}
	}
}

func TestACopyGoesOnFromTheBytesBefore(t *testing.T) {
	all := randomBytes(50_000)
	dst, sum := make([]byte, len(all)), uint32(0)
	for at := 0; at < len(all); {
		n := min(1+at%7919, len(all)-at)
		sum = Copy(dst[at:], all[at:at+n], sum)
		at += n
	}
	require.Equal(t, crc32.Checksum(all, table), sum)
	require.Equal(t, all, dst)
}

func TestJoinedChecksumsAreThatOfTheWhole(t *testing.T) {
	all := randomBytes(20_000)
	whole := crc32.Checksum(all, table)
	for _, at := range []int{0, 1, 2, 255, 4096, 10_007, 19_999, 20_000} {
		require.Equal(t, whole, Join(crc32.Checksum(all[:at], table), crc32.Checksum(all[at:], table), len(all)-at), "divided at %d", at)
	}
	zeros := make([]byte, 1<<20)
	require.Equal(t, crc32.Update(whole, table, zeros), Join(whole, crc32.Checksum(zeros, table), len(zeros)))
}

func TestACopyAllocatesNothing(t *testing.T) {
	src, dst := randomBytes(33_000), make([]byte, 33_000)
	require.Zero(t, testing.AllocsPerRun(10, func() { Join(Copy(dst, src, 0), 1, len(dst)) }))
}

func FuzzCopy(f *testing.F) {
	f.Add(randomBytes(7000), uint32(1), 3)
	f.Fuzz(func(t *testing.T, src []byte, sum uint32, at int) {
		dst := make([]byte, len(src))
		got := Copy(dst, src, sum)
		require.Equal(t, crc32.Update(sum, table, src), got)
		require.Equal(t, src, dst)
		at = max(min(at, len(src)), 0)
		require.Equal(t, got, Join(crc32.Update(sum, table, src[:at]), crc32.Checksum(src[at:], table), len(src)-at))
	})
}

// BenchmarkCopy compares a copy with its checksum, and a copy of the same pictures alone.
func BenchmarkCopy(b *testing.B) {
	src, dst := randomBytes(60<<20), make([]byte, 1<<20)
	const picture = 33_000
	for name, work := range map[string]func(dst, src []byte){
		"copy":           func(dst, src []byte) { copy(dst, src) },
		"copy, then CRC": func(dst, src []byte) { copy(dst, src); crc32.Checksum(dst, table) },
		"copy and CRC":   func(dst, src []byte) { Copy(dst, src, 0) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(picture)
			for i := 0; b.Loop(); i++ {
				from, to := i*picture%(len(src)-picture), i*picture%(len(dst)-picture)
				work(dst[to:to+picture], src[from:from+picture])
			}
		})
	}
}
