package mpegts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// encoded returns a transport stream of some seconds with pictures and sound, by the arguments of ffmpeg for its encoders.
func encoded(t *testing.T, seconds int, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	ffmpeg(t, dir, append(append([]string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=duration=%d:size=320x240:rate=25", seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=duration=%d:sample_rate=48000", seconds), "-pix_fmt", "yuv420p"}, args...), "a.ts")...)
	return read(t, dir, "a.ts")
}

// ahead is a clock that is ahead of that of the machine.
type ahead struct {
	pipeline.Clock
	by time.Duration
}

func (c *ahead) Now() time.Time { return c.Clock.Now().Add(c.by) }

// A map with other tracks begins another publication, and one with the same tracks does not: at other PIDs, in a program of
// another number, and in a transport stream that begins anew.
func TestAChangeOfTheTracksBeginsAPublication(t *testing.T) {
	h264 := []string{"-an", "-c:v", "libx264", "-preset", "ultrafast"}
	first := encoded(t, 4, h264...)
	for name, c := range map[string]struct {
		next  []string
		begun int
	}{
		"the same":      {h264, 1},
		"other PIDs":    {append(h264, "-mpegts_start_pid", "0x200", "-mpegts_pmt_start_pid", "0x300"), 1},
		"other program": {append(h264, "-mpegts_service_id", "7"), 1},
		"H.265":         {[]string{"-an", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"}, 2},
		"with sound":    {append(h264[1:], "-c:a", "aac"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &ahead{Clock: pipeline.SystemClock}
			f := newFixture(t)
			f.demuxer.o.Clock = clock
			require.NoError(t, f.demuxer.Data(first, f.at))
			clock.by = 2 * time.Second
			require.NoError(t, f.demuxer.Data(encoded(t, 2, c.next...), f.at.Add(2*time.Second)))
			require.Equal(t, c.begun, f.begun)
			got := f.end() // of the first publication
			require.GreaterOrEqual(t, len(got.units[0]), map[int]int{1: 149, 2: 99}[c.begun], "all but what was cut off: %v", got.losses)
		})
	}
}

// Maps that change all the time neither fill the log nor begin a publication each.
func TestMapsThatChangeAllTheTimeAreTakenOnceASecond(t *testing.T) {
	var tables [][]byte
	for _, video := range []string{"mpeg2video", "libx264"} {
		stream := encoded(t, 1, "-c:v", video, "-c:a", "s302m", "-strict", "experimental", "-ar", "48000", "-ac", "2")
		for p := stream; len(p) >= packetBytes; p = p[packetBytes:] {
			if pid := int(p[1]&0x1f)<<8 | int(p[2]); pid == 0x1000 {
				tables = append(tables, stream[:packetBytes], p[:packetBytes])
				break
			}
		}
		for p := stream; len(p) >= packetBytes; p = p[packetBytes:] {
			if p[1]&0x1f == 0 && p[2] == 0 {
				tables[len(tables)-2] = p[:packetBytes]
				break
			}
		}
	}
	f := newFixture(t)
	for n := range 2000 {
		for _, p := range tables {
			p[3] = p[3]&0xf0 | byte(n)&0x0f
			require.NoError(t, f.demuxer.Data(p, f.at))
		}
	}
	require.LessOrEqual(t, strings.Count(f.book.String(), "\n"), 3, "%s", f.book)
	require.Zero(t, f.begun)
}

// frozen is a clock that stands still.
type frozen struct {
	pipeline.Clock
	at time.Time
}

func (c frozen) Now() time.Time { return c.at }

func TestTracksThatChangeAllTheTimeBeginOnePublicationASecond(t *testing.T) {
	f := newFixture(t)
	f.demuxer.o.Clock = frozen{pipeline.SystemClock, time.Now()}
	one, other := encoded(t, 1, "-an", "-c:v", "libx264"), encoded(t, 1, "-c:v", "libx264", "-c:a", "aac")
	for range 3 {
		require.NoError(t, f.demuxer.Data(one, f.at))
		require.NoError(t, f.demuxer.Data(other, f.at))
	}
	require.Equal(t, 1, f.begun)
}
