package rtmp

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// ffmpeg runs ffmpeg to its end.
func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-hide_banner", "-loglevel", "warning", "-y"}, args...)...).CombinedOutput()
	require.NoError(t, err, "ffmpeg %v\n%s", args, out)
	return string(out)
}

// clips are made once for all tests.
var clips = struct {
	sync.Mutex // guards the fields
	dir        string
	made       map[string]bool
}{made: map[string]bool{}}

// clip makes a file by its name and codec arguments, with pictures and sound.
func clip(t *testing.T, name string, args ...string) string {
	t.Helper()
	clips.Lock()
	defer clips.Unlock()
	if clips.dir == "" {
		dir, err := os.MkdirTemp("", "rtmp-clips-")
		require.NoError(t, err)
		clips.dir = dir
	}
	file := filepath.Join(clips.dir, name)
	if !clips.made[name] {
		ffmpeg(t, append(append([]string{
			"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=3",
			"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=3",
		}, args...), "-shortest", file)...)
		clips.made[name] = true
	}
	return file
}

var (
	x264 = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "25", "-pix_fmt", "yuv420p"}
	aac  = []string{"-c:a", "aac", "-b:a", "96k"}
)

// packet is a packet that ffprobe reads from a file.
type packet struct {
	dts, pts int64
	key      bool
	hash     string
	data     []byte
}

var hexDump = regexp.MustCompile(`(?m)^[0-9a-f]{8}: ((?:[0-9a-f]{2,4} )+)`)

// probe lists a stream's packets and its timescale.
func probe(t *testing.T, file, stream string) (packets []packet, scale uint32) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", stream, "-show_packets", "-show_data", "-show_data_hash", "md5",
		"-show_entries", "packet=pts,dts,flags,data,data_hash:stream=time_base", "-of", "default=nw=1", file).Output()
	require.NoError(t, err)
	var p packet
	for line := range strings.SplitSeq(string(out), "\n") {
		if m := hexDump.FindStringSubmatch(line); m != nil {
			b, err := hex.DecodeString(strings.ReplaceAll(m[1], " ", ""))
			require.NoError(t, err)
			p.data = append(p.data, b...)
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "pts":
			_, _ = fmt.Sscan(value, &p.pts)
		case "dts":
			_, _ = fmt.Sscan(value, &p.dts)
		case "flags":
			p.key = strings.Contains(value, "K")
		case "data_hash":
			p.hash = strings.ToLower(strings.TrimPrefix(value, "MD5:"))
			packets = append(packets, p)
			p.data = nil
		case "time_base":
			_, _ = fmt.Sscanf(value, "1/%d", &scale)
		}
	}
	require.NotEmpty(t, packets)
	require.NotZero(t, scale)
	return packets, scale
}

func ms(ticks int64, scale uint32) float64 { return 1000 * float64(ticks) / float64(scale) }

// compare requires that the units of a codec are the packets of a file: none missing but so many at either end, none
// changed, each time as in the file to a millisecond, except of so many units at the beginning. It returns the shift of the
// times, in ms.
func compare(t *testing.T, file, stream string, got taken, c media.Codec, missing, untimed int) (shift float64) {
	t.Helper()
	want, scale := probe(t, file, stream)
	units, track := got.units[c], got.track(c)
	require.NotEmpty(t, units, "%v", got)
	from := slices.IndexFunc(want, func(p packet) bool { return p.hash == units[0].hash })
	require.GreaterOrEqual(t, from, 0, "the first unit was not sent")
	require.LessOrEqual(t, len(want)-len(units), missing)
	require.LessOrEqual(t, from+len(units), len(want))
	for i := range untimed {
		require.Equal(t, want[from+i].hash, units[i].hash)
	}
	from, units = from+untimed, units[untimed:]
	origin, first := want[from], units[0]
	shift = ms(first.pts, track.Timescale) - ms(origin.pts, scale)
	for i, u := range units {
		w := want[from+i]
		require.Equal(t, w.hash, u.hash, "%s unit %d", stream, i)
		require.InDelta(t, ms(w.pts, scale)+shift, ms(u.pts, track.Timescale), 1.1, "%s: presentation time of unit %d", stream, i)
		require.InDelta(t, ms(w.dts-origin.dts, scale), ms(u.dts-first.dts, track.Timescale), 1.1, "%s: decoding time of unit %d", stream, i)
		if stream == "v" {
			require.Equal(t, w.key, u.sync, "%s unit %d", stream, i)
		}
	}
	return shift
}
