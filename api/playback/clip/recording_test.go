package clip

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// samplesOf returns all samples of a recording, by its tracks.
func samplesOf(t *testing.T, r *Recording) (out [][]isobmff.Sample) {
	for i := range r.Tracks {
		var all []isobmff.Sample
		for c, s := r.Samples(i, 0, r.Tracks[i].Samples), (isobmff.Sample{}); ; all = append(all, s) {
			ok, err := c.Next(&s)
			require.NoError(t, err)
			if !ok {
				break
			}
		}
		require.Len(t, all, int(r.Tracks[i].Samples))
		out = append(out, all)
	}
	return out
}

// TestOpenIndexGivesTheSamplesOfOpen reads the samples of a recording with its file and without, and where its index is missing or damaged.
func TestOpenIndexGivesTheSamplesOfOpen(t *testing.T) {
	dir, pool := t.TempDir(), media.NewPool(64<<20)
	film, err := movie.Pattern(movie.Spec{Bitrate: 200_000, FPS: 25, GOP: time.Second, Length: 30 * time.Second})
	require.NoError(t, err)
	_, err = mux.Run(t.Context(), dir, film, pool, mux.Options{})
	require.NoError(t, err)
	l := &Library{
		Files: playback.NewDir(dir, nil), Indexes: sampleindex.In(dir).Unsynced(), Belongs: func(*os.File, string, media.ID) error { return nil },
	}
	id, path := media.NewID(time.Now()), filepath.Base(mux.FileName)
	open := func(open func(media.ID, string) (*Recording, error), file bool) [][]isobmff.Sample {
		r, err := open(id, path)
		require.NoError(t, err)
		require.Equal(t, file, r.File.File != nil, "whether the file is open")
		out := samplesOf(t, r)
		require.NoError(t, r.Close())
		return out
	}
	want := open(l.Open, true)
	require.Len(t, want, 2)
	require.Equal(t, want, open(l.OpenIndex, false))
	require.NoError(t, l.Indexes.Remove(id))
	require.Equal(t, want, open(l.OpenIndex, true), "no index")
	require.Equal(t, want, open(l.OpenIndex, false), "it was stored again")
	stored, err := filepath.Glob(filepath.Join(dir, sampleindex.Directory, "*", id.String()))
	require.NoError(t, err)
	require.Len(t, stored, 1)
	text, err := os.ReadFile(stored[0])
	require.NoError(t, err)
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { b[9] ^= 1; return b },
	} {
		require.NoError(t, os.WriteFile(stored[0], damage(append([]byte(nil), text...)), 0o600))
		require.Equal(t, want, open(l.OpenIndex, true), "a damaged index")
	}
}
