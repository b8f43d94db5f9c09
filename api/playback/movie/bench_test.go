package movie

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	recorded "github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/bench/proc"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// BenchmarkPlanOfADay plans and begins to read 24 hours of H.264 at 25/s and AAC, in files of five minutes. All files have the
// same content. The first plan of a span counts the samples, and later ones have the counts.
func BenchmarkPlanOfADay(b *testing.B) {
	b.Run("first", func(b *testing.B) { planOfADay(b, func() *Counts { return &Counts{} }) })
	kept := &Counts{}
	b.Run("later", func(b *testing.B) { planOfADay(b, func() *Counts { return kept }) })
}

func planOfADay(b *testing.B, counts func() *Counts) {
	library, clips := dayOfClips(b)
	samples, before := int64(0), cpu(b)
	for b.Loop() {
		m, err := counts().Plan(b.Context(), library, clips, Options{})
		require.NoError(b, err)
		r := m.NewReader(library)
		_, err = io.CopyN(io.Discard, r, 1)
		require.NoError(b, err)
		require.NoError(b, r.Close())
		samples = m.tracks[0].samples() + m.tracks[1].samples()
	}
	b.ReportMetric((cpu(b)-before).Seconds()*1000/float64(b.N), "cpu-ms")
	b.ReportMetric(float64(samples)/1e6, "Msamples")
}

// BenchmarkTablesOfADay reads everything before the media of the same day, of a plan that is made.
func BenchmarkTablesOfADay(b *testing.B) {
	library, clips := dayOfClips(b)
	m, err := (&Counts{}).Plan(b.Context(), library, clips, Options{})
	require.NoError(b, err)
	before := cpu(b)
	for b.Loop() {
		r := m.NewReader(library)
		_, err = io.CopyN(io.Discard, r, m.sources[0].mediaAt)
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
	b.ReportMetric((cpu(b)-before).Seconds()*1000/float64(b.N), "cpu-ms")
	b.ReportMetric(float64(m.sources[0].mediaAt)/1e6, "MB")
}

// BenchmarkFragmentsOfTwoHours makes the fragments of the first two hours of the same day.
func BenchmarkFragmentsOfTwoHours(b *testing.B) {
	library, clips := dayOfClips(b)
	m, err := (&Counts{}).Plan(b.Context(), library, clips[:24], Options{})
	require.NoError(b, err)
	b.ReportAllocs()
	bytes, before := byteCount(0), cpu(b)
	for b.Loop() {
		bytes = 0
		require.NoError(b, m.WriteFragments(b.Context(), library, &bytes))
	}
	b.ReportMetric((cpu(b)-before).Seconds()*1e6/float64(b.N)/(float64(bytes)/1e6), "cpu-us/MB")
	b.ReportMetric(float64(bytes)/1e6, "MB")
}

// byteCount counts the bytes that are written to it.
type byteCount int64

func (n *byteCount) Write(b []byte) (int, error) {
	*n += byteCount(len(b))
	return len(b), nil
}

// cpu returns the CPU time of the process, which other work of the machine does not lengthen.
func cpu(b *testing.B) time.Duration {
	u, err := proc.Read(os.Getpid())
	require.NoError(b, err)
	return u.CPU()
}

// dayOfClips returns the clips of a day, with the sample indexes of their recordings stored.
func dayOfClips(b testing.TB) (*clip.Library, []clip.Clip) {
	const length, files = 5 * time.Minute, 288
	dir := b.TempDir()
	film, err := recorded.Pattern(recorded.Spec{Bitrate: 200_000, FPS: 25, GOP: 2 * time.Second, Length: length})
	require.NoError(b, err)
	_, err = mux.Run(b.Context(), dir, film, media.NewPool(64<<20), mux.Options{})
	require.NoError(b, err)
	library := &clip.Library{
		Files:   playback.NewDir(dir, func(string) (string, int64, bool) { return "", 0, false }),
		Indexes: sampleindex.In(dir).Unsynced(),
		Belongs: func(*os.File, string, media.ID) error { return nil },
	}
	clips := make([]clip.Clip, files)
	for i := range clips {
		at := time.Unix(0, recorded.EpochNS).Add(time.Duration(i) * length)
		clips[i] = clip.Clip{ID: media.NewID(at), Path: filepath.Base(mux.FileName), StartUTC: at.UnixNano(), FromNS: clip.Begin, ToNS: clip.End, Joined: i > 0}
		r, err := library.Open(clips[i].ID, clips[i].Path) // stores its index
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
	return library, clips
}
