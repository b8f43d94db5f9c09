package probe

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/mux"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// encode makes a file with ffmpeg.
func encode(t testing.TB, name string, args ...[]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-y"}, slices.Concat(args...)...), path)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

var (
	pictures   = []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"}
	sounds     = []string{"-f", "lavfi", "-i", "sine=frequency=500:sample_rate=48000"}
	long       = []string{"-t", "6"}
	aac        = []string{"-c:a", "aac", "-b:a", "64k"}
	fragmented = []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof"}
)

func x264(params string) []string {
	return []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-x264-params", "scenecut=0:" + params}
}

func x265(params string) []string {
	return []string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none:scenecut=0:" + params}
}

// run runs the command with --json, and returns its report and its error.
func run(t testing.TB, c Command) (*Report, error) {
	t.Helper()
	c.JSON = true
	var out, errs bytes.Buffer
	err := c.Run(Streams{&out, &errs})
	require.Empty(t, errs.String())
	if out.Len() == 0 {
		return nil, err
	}
	var r Report
	text := json.NewDecoder(&out)
	text.DisallowUnknownFields()
	require.NoError(t, text.Decode(&r))
	return &r, err
}

func TestStructureOfGOPs(t *testing.T) {
	for _, tc := range []struct {
		name               string
		args               []string
		count, median      float64
		structure          string
		inARow, openAtMost int64
	}{
		{"no B-frames", x264("bframes=0:keyint=25:min-keyint=25"), 6, 25, "closed", 0, 0},
		{"B-frames", x264("bframes=3:b-adapt=0:b-pyramid=none:open-gop=0:keyint=30:min-keyint=30"), 5, 30, "closed", 3, 0},
		{"open GOPs", x264("bframes=3:b-adapt=0:b-pyramid=none:open-gop=1:keyint=30:min-keyint=30"), 5, 30, "open", 3, 4},
		{"H.265, open GOPs", x265("bframes=3:b-adapt=0:open-gop=1:keyint=30:min-keyint=30"), 5, 30, "open", 3, 4},
		{"H.265, closed GOPs", x265("bframes=3:b-adapt=0:open-gop=0:keyint=30:min-keyint=30"), 5, 30, "closed", 3, 0},
		{"key frames only", x264("keyint=1"), 150, 1, "closed", 0, 0},
	} {
		for _, form := range [][]string{nil, fragmented} {
			r, err := run(t, Command{Source: encode(t, "a.mp4", pictures, long, tc.args, form)})
			require.NoError(t, err, tc.name)
			g := r.Tracks[0].GOPs
			require.Equal(t, tc.structure, g.Structure, tc.name)
			require.Equal(t, []float64{tc.count, tc.median, tc.median * 40}, []float64{float64(g.Count), g.Frames.Median, g.LongMS.Median}, tc.name)
			require.Equal(t, tc.inARow, g.BFramesInARow, tc.name)
			require.Equal(t, tc.openAtMost, g.Open, tc.name)
			require.Equal(t, map[bool]string{true: "mp4", false: "fmp4"}[form == nil], r.Container.Format)
			require.Empty(t, r.Faults)
		}
	}
}

func TestTracksAreDescribed(t *testing.T) {
	path := encode(t, "a.mp4", pictures, sounds, sounds, long, x264("bframes=0:keyint=50"), aac, []string{
		"-map", "0", "-map", "1", "-map", "2", "-c:a:1", "libopus", "-ac:a:1", "2", "-metadata:s:a:0", "language=deu",
	})
	r, err := run(t, Command{Source: "file:" + path})
	require.NoError(t, err)
	require.Equal(t, path, r.Source)
	require.Len(t, r.Tracks, 3)
	v, a, o := r.Tracks[0], r.Tracks[1], r.Tracks[2]
	require.Equal(t, []int{320, 180, 1}, []int{v.WidthPixels, v.HeightPixels, v.Track})
	require.Regexp(t, `^avc1\.64[0-9A-F]{4}$`, v.MIME)
	require.InDelta(t, 25, v.FrameRateFPS, 1e-6)
	require.Equal(t, int64(150), v.AccessUnits)
	require.InDelta(t, float64(v.SizeBytes)*8/6, v.BitrateBPS, 1)
	require.Equal(t, "mp4a.40.2 deu", a.MIME+" "+a.Language)
	require.Equal(t, []int{48000, 1, 2}, []int{a.SampleRateHz, a.Channels, a.Track})
	require.Equal(t, []int{48000, 2}, []int{o.SampleRateHz, o.Channels})
	require.InDelta(t, 1024.0/48, a.AccessUnitMS.Median, 1e-6)
	require.Nil(t, a.GOPs)
	require.Equal(t, "other", r.Container.Writer)

	sound, err := run(t, Command{Source: encode(t, "a.m4a", sounds, long, aac)})
	require.NoError(t, err)
	require.Nil(t, sound.AVStartOffsetMS)
	left, err := run(t, Command{Source: encode(t, "a.mp4", pictures, sounds, long, x264("keyint=25"), []string{"-c:a", "alac"})})
	require.NoError(t, err)
	require.Equal(t, uint32(2), left.LeftOut[0].Track)
}

func TestFaultsOfTimes(t *testing.T) {
	plain := x264("bframes=0:keyint=25:min-keyint=25")
	patched := func(path, box string, nth, at int, value uint32) string {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		from := 0
		for range nth {
			i := bytes.Index(text[from:], []byte(box))
			require.GreaterOrEqual(t, i, 0, "no %s", box)
			from += i + len(box)
		}
		binary.BigEndian.PutUint32(text[from+at:], value)
		out := filepath.Join(t.TempDir(), "patched.mp4")
		require.NoError(t, os.WriteFile(out, text, 0o600))
		return out
	}
	cut := func(path string, bytes int64) string {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, info.Size()-bytes))
		return path
	}
	vf := func(filter string) []string { return []string{"-vf", filter, "-vsync", "vfr"} }
	for _, tc := range []struct {
		name, path string
		want       FaultKind
		track      int
		count      int64
		at, lasts  float64
	}{
		{"pictures missing", encode(t, "a.mp4", pictures, long, vf("select='not(between(n,60,69))'"), plain), TimeGap, 1, 1, 2360, 440},
		{"sound begins later", encode(t, "a.mp4", pictures, []string{"-itsoffset", "1.5"}, sounds, long, plain, aac), StartOffset, 0, 1, 0, 1500},
		{"uneven pictures", encode(t, "a.mp4", pictures, long, vf("settb=1/1000,setpts='N*40+12*mod(N*7,3)'"), plain, []string{"-enc_time_base", "1:1000", "-video_track_timescale", "1000"}), Jitter, 1, 1, 0, 0},
		{"zero durations", patched(encode(t, "a.mp4", pictures, long, plain), "stts", 1, 12, 0), ZeroDuration, 1, 149, 0, 0},
		{"fragment goes back", patched(encode(t, "a.mp4", pictures, long, plain, fragmented), "tfdt", 3, 8, 0), TimeBack, 1, 1, 1960, 1960},
		{"cut off", cut(encode(t, "a.mp4", pictures, long, plain, []string{"-movflags", "faststart"}), 100), BeyondData, 1, 1, 5960, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := run(t, Command{Source: tc.path})
			require.ErrorIs(t, err, ErrFaults{})
			require.Equal(t, FaultsFound, ErrFaults{}.ExitCode())
			i := slices.IndexFunc(r.Faults, func(f Fault) bool { return f.Kind == tc.want })
			require.GreaterOrEqual(t, i, 0, "%+v", r.Faults)
			f := r.Faults[i]
			require.Equal(t, []int64{int64(tc.track), tc.count}, []int64{int64(f.Track), f.Count})
			if len(f.Places) > 0 {
				require.InDelta(t, tc.at, f.Places[0].AtMS, 1)
				require.InDelta(t, tc.lasts, f.Places[0].DurationMS, 50)
			}
		})
	}
}

// A file that a killed recorder left, and the finished file, have the facts of the recording.
func TestFilesOfSpool(t *testing.T) {
	m, err := movie.Pattern(movie.Spec{Codec: "h264", FPS: 25, GOP: time.Second, Length: 6 * time.Second, Bitrate: 500_000})
	require.NoError(t, err)
	for _, fragment := range []bool{false, true} {
		for _, end := range []bool{false, true} {
			dir := t.TempDir()
			muxer, err := mux.Open(t.Context(), dir, m, pipelinetest.Pool(t), mux.Options{Fragment: fragment, Flush: time.Second / 2})
			require.NoError(t, err)
			require.NoError(t, muxer.Write())
			name := filepath.Join(dir, mux.FileName)
			state := string(media.StateFinished)
			if end {
				require.NoError(t, muxer.Finish())
			} else {
				name, state = name+media.PartSuffix, string(media.StateRecording)
			}
			r, err := run(t, Command{Source: name})
			require.NoError(t, err)
			require.Equal(t, "spool bench "+state, r.Container.Writer+" "+r.Container.Recording.Stream+" "+r.Container.Recording.State)
			require.Equal(t, fragment || !end, r.Container.Format == "fmp4")
			require.Equal(t, end, r.Container.Recording.End != "")
			require.Equal(t, []float64{25, 1000}, []float64{r.Tracks[0].GOPs.Frames.Median, r.Tracks[0].GOPs.LongMS.Median})
			require.NoError(t, muxer.Close())
			// the last fragment is cut off
			if !end {
				require.NoError(t, os.Truncate(name, r.Container.SizeBytes-10))
				r, err = run(t, Command{Source: name})
				require.NoError(t, err)
				require.Positive(t, r.Container.CutOffBytes)
			}
		}
	}
}

func TestFactsOfARecording(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC).UnixNano()
	r := media.Recording{
		ID: media.NewID(time.Unix(0, at)), Stream: "cam", State: media.StateFinished, StartUTC: at, EndUTC: at + int64(time.Second), EndReason: "stop",
		Gap:    media.Gap{Cause: media.GapRTPLoss, DurationNS: int64(time.Second)},
		Gaps:   []media.Gap{{Cause: media.GapRTPLoss, StartUTC: at, DurationNS: int64(time.Second), MissingNS: int64(time.Second / 4), Track: 2}},
		Events: []media.Event{{Name: "door", AtUTC: at, StartUTC: at, EndUTC: at}},
	}
	out := describe(&r)
	require.Equal(t, "2026-01-02T03:04:05.006Z", out.Start)
	require.Equal(t, 1000.0, out.GapBefore.DurationMS)
	require.Equal(t, []float64{250, 2}, []float64{out.Gaps[0].DurationMS, float64(out.Gaps[0].Track)})
	require.Equal(t, "door", out.Events[0].Name)
	var text bytes.Buffer
	report := Report{Source: "a", Container: Container{Format: "mp4", Writer: "spool", Recording: out}}
	require.NoError(t, report.writeTable(&text))
	for _, want := range []string{"gap before  rtp_loss, 1s", "rtp_loss, 250ms from 2026-01-02T03:04:05.006Z, track 2", "door at 2026", "ended by stop"} {
		require.Contains(t, text.String(), want)
	}
}

func TestTableIsAligned(t *testing.T) {
	c := Command{Source: encode(t, "a.mp4", pictures, sounds, long, x264("bframes=2:b-adapt=0:keyint=25:min-keyint=25"), aac)}
	var out, errs bytes.Buffer
	require.NoError(t, c.Run(Streams{&out, &errs}))
	require.Empty(t, errs.String())
	lines := strings.Split(out.String(), "\n")
	head := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "TRACK") })
	require.Equal(t, strings.Index(lines[head], "CODEC"), strings.Index(lines[head+1], "h264"))
	require.Equal(t, strings.Index(lines[head], "  RATE")+2, strings.Index(lines[head+1], "25 fps"))
	require.Contains(t, out.String(), "no faults of times")
}

func TestFilesThatCannotBeRead(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.mp4")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for source, want := range map[string]string{
		"none.mp4": "no such file", empty: "there is no moov", t.TempDir(): "it is no regular file", "": "the name of the file is empty",
		"file:none.mp4": "no such file", "file://host/none.mp4": "write file:PATH",
	} {
		_, err := run(t, Command{Source: source})
		require.ErrorContains(t, err, want, source)
	}
	_, err := run(t, Command{Source: empty, Duration: time.Second})
	require.ErrorIs(t, err, ErrDuration)
}
