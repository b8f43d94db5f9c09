package file

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// mutate returns a copy of a file with one word replaced by another.
func mutate(b []byte, from, to string) []byte { return bytes.ReplaceAll(b, []byte(from), []byte(to)) }

// FuzzReader checks that no file makes the reader panic, loop, or return a chunk that violates the invariants of
// chunks.
func FuzzReader(f *testing.F) {
	tiny := []string{"-t", "0.4", "-s", "32x32"}
	f.Add(contents(f, encode(f, "a.mp4", pictures, sounds, tiny, h264, aac)))
	f.Add(contents(f, encode(f, "a.mp4", pictures, sounds, tiny, h264, aac, []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof"})))
	f.Add(contents(f, encode(f, "a.mov", pictures, tiny, h265)))
	f.Fuzz(func(t *testing.T, b []byte) {
		pool := media.NewCheckedPool()
		r, err := Open(write(t, b), pool, time.Second, time.Unix(1, 0), quiet)
		if err != nil {
			return
		}
		defer r.Close()
		last := map[int]int64{}
		for range 8 {
			c, err := r.Next()
			if errors.Is(err, io.EOF) && r.Again() == nil {
				continue
			}
			if err != nil {
				break
			}
			for i := range c.Tracks {
				col, bytes := &c.Tracks[i], 0
				for k, dts := range col.DTS {
					before, seen := last[i]
					if seen && dts <= before || col.DurationTicks(k) <= 0 {
						t.Fatalf("track %d: %d after %d, for %d", i, dts, before, col.DurationTicks(k))
					}
					last[i] = dts
					bytes += int(col.SizeBytes[k])
				}
				require.Equal(t, bytes, col.Payload.Len())
			}
			c.Release()
		}
		require.Zero(t, pool.Outstanding())
	})
}
