package movie

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// countOpens counts the recordings whose index a plan reads: only these are checked to belong to their rows.
func countOpens(library *clip.Library) (times *int) {
	times = new(int)
	library.Belongs = func(*os.File, string, media.ID) error { *times++; return nil }
	return times
}

func TestALaterPlanReadsNoIndex(t *testing.T) {
	library, clips := dayOfClips(t)
	clips = clips[:8]
	clips[3].FromNS, clips[7].ToNS = int64(time.Minute), int64(time.Minute)
	clips[3].Joined = false
	fresh := func(clips []clip.Clip, o Options) *Movie {
		m, err := new(Counts).Plan(t.Context(), library, clips, o)
		require.NoError(t, err)
		return m
	}
	want := fresh(clips, Options{})
	times, kept := countOpens(library), &Counts{}
	for range 3 {
		m, err := kept.Plan(t.Context(), library, clips, Options{})
		require.NoError(t, err)
		require.Equal(t, want, m)
	}
	require.Equal(t, 8+2+2, *times, "the two clips that are not whole are measured each time")

	sound := Options{Wants: func(k media.Kind, _ int) bool { return k == media.Audio }}
	m, err := kept.Plan(t.Context(), library, clips, sound)
	require.NoError(t, err)
	require.Equal(t, fresh(clips, sound).ETag, m.ETag)

	m, err = kept.Plan(t.Context(), library, clips[4:], Options{})
	require.NoError(t, err)
	require.Equal(t, fresh(clips[4:], Options{}), m, "the first clip of another movie")
}

func TestCountsAreOfAnUnchangedFile(t *testing.T) {
	library, clips := dayOfClips(t)
	clips, kept := clips[:2], &Counts{}
	_, err := kept.Plan(t.Context(), library, clips, Options{})
	require.NoError(t, err)
	f, err := library.Files.Open(clips[0].Path)
	require.NoError(t, err)
	name := f.Name()
	require.NoError(t, f.Close())
	times := countOpens(library)

	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(name, later, later))
	_, err = kept.Plan(t.Context(), library, clips, Options{})
	require.NoError(t, err)
	require.Equal(t, 2, *times, "it has another time of change")

	whole, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.Rename(name, name+".old"))
	require.NoError(t, os.WriteFile(name, whole, 0o600))
	require.NoError(t, os.Chtimes(name, later, later))
	_, err = kept.Plan(t.Context(), library, clips, Options{})
	require.NoError(t, err)
	require.Equal(t, 4, *times, "it is another file")

	require.NoError(t, os.Remove(name))
	_, err = kept.Plan(t.Context(), library, clips, Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCountsOfManyRecordingsAreBounded(t *testing.T) {
	kept := &Counts{}
	r := &clip.Recording{Tracks: []clip.Track{{}}}
	whole := &clip.Clip{FromNS: clip.Begin, ToNS: clip.End}
	for i := range maxCounted + 10 {
		r.ID = media.ID{byte(i), byte(i >> 8), byte(i >> 16)}
		kept.put(r, whole, []part{{}})
	}
	require.Len(t, kept.of, maxCounted)
	require.Contains(t, kept.of, r.ID)

	r.ID = media.ID{15: 1}
	for name, change := range map[string]func(r *clip.Recording, c *clip.Clip, p []part){
		"a growing file":          func(r *clip.Recording, _ *clip.Clip, _ []part) { r.File = playback.File{Growing: true} },
		"a part of the recording": func(_ *clip.Recording, c *clip.Clip, _ []part) { c.ToNS = 5 },
		"some samples":            func(_ *clip.Recording, _ *clip.Clip, p []part) { p[0].end = 1 },
		"another track":           func(_ *clip.Recording, _ *clip.Clip, p []part) { p[0].track = 1 },
		"a long description":      func(r *clip.Recording, _ *clip.Clip, _ []part) { r.Tracks[0].Entry = make([]byte, maxCountedBytes+1) },
	} {
		r := &clip.Recording{ID: r.ID, Tracks: []clip.Track{{}}}
		c, p := *whole, []part{{}}
		change(r, &c, p)
		kept.put(r, &c, p)
		require.NotContains(t, kept.of, r.ID, name)
	}
}
