package mp4

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// TestKeyFrameAtOrBeforeAMoment checks files of each form, finished or growing, with one key frame a
// second.
func TestKeyFrameAtOrBeforeAMoment(t *testing.T) {
	src := record(t, avc(8))
	for _, fragment := range []bool{false, true} {
		cfg := Defaults()
		cfg.Fragment = fragment
		s := newSession(t, cfg, nil)
		set, chunks := src.chunks(t, media.NewCheckedPool(), time.Second, nil)
		require.NoError(t, s.Open(context.Background()))
		seg := segment(set, 1)
		require.NoError(t, s.put(seg, chunks))
		begin := time.Unix(0, seg.StartUTC)
		check := func(file string) {
			for at, want := range map[time.Duration]time.Duration{
				-time.Hour: 0, 0: 0, 999 * time.Millisecond: 0, time.Second: time.Second, 3500 * time.Millisecond: 3 * time.Second, time.Hour: 7 * time.Second,
			} {
				got, err := KeyFrame(file, begin.Add(at))
				require.NoError(t, err)
				require.InDelta(t, want.Seconds(), got.Sub(begin).Seconds(), 0.0001, "fragment %v, %s", fragment, at)
			}
		}
		check(s.path(s.last()))
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, s.Close())
		check(s.path(s.last()))
	}
	_, err := KeyFrame(filepath.Join(t.TempDir(), "gone.mp4"), time.Now())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// FuzzKeyFrame checks that the result for any file is an error or a time that is not after the
// requested one, unless the file begins later.
func FuzzKeyFrame(f *testing.F) {
	for _, fragment := range []bool{false, true} {
		cfg := Defaults()
		cfg.Fragment = fragment
		s := newSession(f, cfg, nil)
		rec := s.record(f, record(f, avc(2)), media.NewCheckedPool(), nil)
		whole, err := os.ReadFile(s.path(rec))
		require.NoError(f, err)
		f.Add(whole[:min(len(whole), 16<<10)], int64(1500))
	}
	name := filepath.Join(f.TempDir(), "x.mp4")
	f.Fuzz(func(t *testing.T, b []byte, ms int64) {
		require.NoError(t, os.WriteFile(name, b, 0o600))
		at := start.Add(time.Duration(ms%1e7) * time.Millisecond)
		got, err := KeyFrame(name, at)
		if entry, bad := ReadEntry(name); err == nil && bad == nil {
			require.False(t, got.After(at) && got.UnixNano() != entry.StartUTC, "%v after %v", got, at)
		}
	})
}

// TestFilesAreProtectedWithinTheBounds checks that files are protected up to the limits of their
// events, and that an unprotected file still names the event.
func TestFilesAreProtectedWithinTheBounds(t *testing.T) {
	src := record(t, avc(4))
	s := newSession(t, Defaults(), nil)
	first := s.record(t, src, media.NewCheckedPool(), nil)
	s = newSession(t, Defaults(), nil)
	s.protection = media.NewProtection(first.SizeBytes+first.SizeBytes/2, 0)
	require.NoError(t, s.Open(context.Background()))
	event := media.Event{ID: media.ID{1}, AtUTC: start.UnixNano(), StartUTC: start.UnixNano(), EndUTC: start.Add(9 * time.Hour).UnixNano(), Protect: true}
	for n, want := range []bool{true, true, false, false} { // the second passes the limit while it grows
		set, chunks := src.chunks(t, media.NewCheckedPool(), time.Second, nil)
		seg := segment(set, uint64(n+1))
		seg.Events = []media.Event{event}
		require.NoError(t, s.put(seg, chunks))
		require.NoError(t, s.end(seg, endcause.MaxDuration))
		require.Equal(t, want, s.last().Protected, "%d", n)
		entry, err := ReadEntry(s.path(s.last()))
		require.NoError(t, err)
		require.Equal(t, want, entry.Protected)
		require.Equal(t, []media.Event{event}, entry.Events)
	}
	require.NoError(t, s.Close())
}
