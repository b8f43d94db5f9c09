package rtsptest

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ffmpeg records from a good camera exactly the units that the camera has sent, over each transport and each kind of
// authentication.
func TestRecordedByFFmpeg(t *testing.T) {
	clips, err := Shoot(t.Context(), t.TempDir())
	require.NoError(t, err)
	c, err := Start(clips, 2)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	for _, how := range []struct{ quirk, url, transport string }{
		{"good", c.URL("good"), "tcp"}, {"good", c.URL("good"), "udp"}, {"good", c.SecureURL("good"), "tcp"},
		{"digest", c.URL("digest"), "tcp"}, {"basic", c.URL("basic"), "tcp"}, {"h265", c.URL("h265"), "tcp"}, {"stap-a", c.URL("stap-a"), "tcp"},
	} {
		t.Run(how.quirk+" "+how.transport+" "+before(how.url, ":"), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "out.mp4")
			text, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", how.transport,
				"-i", how.url, "-c", "copy", "-t", "2", file).CombinedOutput()
			require.NoError(t, err, "%s", text)
			got, err := ReadFile(file)
			require.NoError(t, err)
			require.Len(t, got.Tracks, 2)
			for i := range got.Tracks {
				m, err := c.Clip(how.quirk).Track(got.Tracks[i].Codec).Match(&got.Tracks[i])
				require.NoError(t, err)
				require.Empty(t, m.Missing)
				require.Greater(t, m.Count, 15)
				require.Less(t, m.Worst.Milliseconds(), int64(2))
			}
		})
	}
}

// Match finds a recorded access unit that is missing, late, or foreign.
func TestMatchFindsFaults(t *testing.T) {
	track := Track{Codec: H264, ClockHz: 90000, PeriodTicks: 4 * 3600}
	for i := range 4 {
		track.Units = append(track.Units, Unit{DTS: int64(i) * 3600, PTS: int64(i) * 3600, Hash: strconv.Itoa(i)})
	}
	run := func(hashes ...string) *Track {
		out := &Track{ClockHz: 90000}
		for i, h := range hashes {
			out.Units = append(out.Units, Unit{Hash: h, PTS: int64(i) * 3600})
		}
		return out
	}
	m, err := track.Match(run("2", "3", "0", "1", "2"))
	require.NoError(t, err)
	require.Equal(t, Match{From: 2, Count: 5, Sent: 160e6, Lasts: 160e6}, m)
	m, err = track.Match(run("2", "0", "1"))
	require.NoError(t, err)
	require.Equal(t, []int{3}, m.Missing)
	require.EqualValues(t, 40e6, m.Worst)
	_, err = track.Match(run("2", "x"))
	require.ErrorContains(t, err, "access unit 1 of the recording was not sent")
	m, err = track.Match(&Track{ClockHz: 45000, Units: []Unit{{Hash: "0"}, {Hash: "1", PTS: 900}}})
	require.NoError(t, err)
	require.EqualValues(t, 20e6, m.Worst)
}

// Quirks are documented, and their names are valid paths.
func TestQuirksAreNamed(t *testing.T) {
	for _, q := range Quirks() {
		require.Regexp(t, `^[a-z0-9-]+$`, q.Name)
		require.NotEmpty(t, q.Doc, q.Name)
	}
}
