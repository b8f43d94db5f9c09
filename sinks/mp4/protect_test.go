package mp4

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

func TestProtectionIsChangedInPlaceWhateverStateTheFileIsIn(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	for _, fragment := range []bool{false, true} {
		cfg := Defaults()
		cfg.Fragment = fragment
		s := newSession(t, cfg, nil)
		set, chunks := src.chunks(t, pool, time.Second, nil)
		require.NoError(t, s.Open(context.Background()))
		seg := segment(set, 1)
		require.NoError(t, s.put(seg, chunks))
		require.NoError(t, SetProtected(s.path(s.last()), s.last().ID, true))
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, s.Close())
		require.True(t, s.last().Protected)
		for _, want := range []bool{false, true} {
			require.NoError(t, SetProtected(s.path(s.last()), s.last().ID, want))
			entry, err := ReadEntry(s.path(s.last()))
			require.NoError(t, err)
			require.Equal(t, want, entry.Protected)
		}
		requireSame(t, src, s.path(s.last()))
	}
}

// TestProtectionThatComesWhileAFileIsFinishedStays protects a file before each of the operations
// that finish it: the finished file must be protected, also if its new moov was encoded before.
func TestProtectionThatComesWhileAFileIsFinishedStays(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			src := record(t, avc(8))
			cfg := Defaults()
			cfg.Fragment = form.fragment
			base := memory(t)
			for n := 1; ; n++ {
				pool, faulty := media.NewCheckedPool(), &faultFS{}
				cfg.RecordPath = filepath.Join(base, fmt.Sprint(n))
				s := newSession(t, cfg, func(d disk.FS) disk.FS { faulty.FS = d; return faulty })
				if form.tail {
					s.reserve = func(*media.Segment, Config) int64 { return 0 }
				}
				set, chunks := src.chunks(t, pool, time.Second, nil)
				require.NoError(t, s.Open(context.Background()))
				seg := segment(set, 1)
				require.NoError(t, s.put(seg, chunks))
				before, growing := faulty.calls, s.path(s.last())
				at := ""
				faulty.fault = func(call int, op string) error {
					if call != before+n {
						return nil
					}
					if at = op; op == "syncdir" { // it has its final name
						return nil
					}
					return SetProtected(growing, s.last().ID, true)
				}
				require.NoError(t, s.end(seg, endcause.Stop))
				require.NoError(t, s.Close())
				if at == "syncdir" {
					require.Greater(t, n, 4)
					return
				}
				entry, err := ReadEntry(s.path(s.last()))
				require.NoError(t, err)
				require.True(t, entry.Protected, "operation %d, %s", n, at)
				requireSame(t, src, s.path(s.last()))
			}
		})
	}
}
