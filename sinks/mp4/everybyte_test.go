package mp4

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// small returns a growing file in memory with chunks of some hundred bytes, its run, and its chunks'
// ends.
func small(t *testing.T, fragment bool, gop int) (run cutRun, data []byte, ends []int64) {
	t.Helper()
	pool := media.NewCheckedPool()
	set, chunks := synthetic{fps: 5, gop: gop, picture: 60, sound: false, flush: time.Second, chunks: 5}.make(t, pool)
	m := &memoryFile{}
	f, err := newFile(segment(set, 1), chunks[0], fragment, int64(time.Second))
	require.NoError(t, err)
	f.f, f.name = m, "small.mp4.part"
	require.NoError(t, f.writeHeader(0))
	ends = append(ends, f.sizeBytes)
	for _, c := range chunks {
		run.chunks = append(run.chunks, samplesOf(c))
		require.NoError(t, f.write(c))
		ends = append(ends, f.sizeBytes)
		c.Release()
	}
	require.Zero(t, pool.Outstanding(), pool.Leaks())
	return run, m.b, ends
}

// TestEveryByte damages each byte of the last two chunks, in each of these ways, and each byte of the
// header. Repair must not panic, must keep the chunks before the damage, and must not keep a damaged
// chunk.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	damages := map[string]func(b []byte, at int64) []byte{
		"cut":     func(b []byte, at int64) []byte { return b[:at] },
		"zeros":   func(b []byte, at int64) []byte { clear(b[at:]); return b },
		"flipped": func(b []byte, at int64) []byte { b[at] ^= 1 << (at % 8); return b },
		"a hole":  func(b []byte, at int64) []byte { clear(b[at:min(at+64, int64(len(b)))]); return b },
		"longer":  func(b []byte, at int64) []byte { return append(b[:at:at], bytes.Repeat([]byte{0xa5}, 300)...) },
	}
	for _, c := range []struct {
		fragment bool
		gop      int
	}{{false, 5}, {true, 5}, {false, 1}, {true, 1}} {
		run, data, ends := small(t, c.fragment, c.gop)
		n := len(ends) - 1
		for what, damage := range damages {
			for at := int64(0); at < int64(len(data)); at++ {
				if at > 200 && at < ends[0]-1500 {
					at = ends[0] - 1500 // skips the reserve, which repair does not read
				}
				if at > ends[0] && at < ends[n-2] {
					at = ends[n-2]
				}
				b := damage(bytes.Clone(data), at)
				whole := 0
				for whole < n && ends[whole+1] <= at {
					whole++
				}
				run.repairs(t, b, whole, at >= ends[0], what, at)
			}
		}
	}
}

// repairs repairs bytes in memory. whole is the number of chunks before the damage.
func (run cutRun) repairs(t *testing.T, b []byte, whole int, header bool, what string, at int64) {
	t.Helper()
	m := &memoryFile{b}
	file, form, err := openScan(m, "small.mp4.part")
	if err != nil || form == finished {
		require.False(t, header, "%s at byte %d: %v", what, at, err)
		return
	}
	if form == headless {
		require.NoError(t, file.writeSize(file.lay.reserveBytes))
	}
	var r Repaired
	r.rebuild(file)
	require.NoError(t, r.Err, "%s at byte %d", what, at)
	if file.units == 0 {
		require.Zero(t, whole, "%s at byte %d", what, at)
		return
	}
	if header {
		require.NoError(t, run.compare(m.b, whole, false), "%s at byte %d", what, at)
		require.NoError(t, run.subset(m.b), "%s at byte %d", what, at)
	}
}

// subset checks that every sample is one that was recorded, in order.
func (run cutRun) subset(b []byte) error {
	for i := range run.chunks[0] {
		var all [][]byte
		for _, chunk := range run.chunks {
			all = append(all, chunk[i]...)
		}
		k := 0
		for n, have := range played(b)[uint32(i+1)] {
			for k < len(all) && !bytes.Equal(all[k], have) {
				k++
			}
			if k++; k > len(all) {
				return fmt.Errorf("sample %d of track %d was never recorded", n, i+1)
			}
		}
	}
	return nil
}
