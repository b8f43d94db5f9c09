package mp4

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// packet is an access unit as ffprobe reports it.
type packet struct {
	Stream   int    `json:"stream_index"`
	PTS      int64  `json:"pts"`
	DTS      int64  `json:"dts"`
	Size     string `json:"size"`
	Pos      string `json:"pos"`
	Flags    string `json:"flags"`
	Hash     string `json:"data_hash"`
	Duration int64  `json:"duration"`
}

// probed is ffprobe's report of a file.
type probed struct {
	Packets []packet `json:"packets"`
	Streams []struct {
		Index     int    `json:"index"`
		Codec     string `json:"codec_name"`
		Kind      string `json:"codec_type"`
		Tag       string `json:"codec_tag_string"`
		TimeBase  string `json:"time_base"`
		Width     int    `json:"width"`
		Height    int    `json:"height"`
		Rate      string `json:"sample_rate"`
		Channels  int    `json:"channels"`
		StartTime string `json:"start_time"`
		Duration  string `json:"duration"`
	} `json:"streams"`
	Format struct {
		Duration  string `json:"duration"`
		StartTime string `json:"start_time"`
	} `json:"format"`
}

func probe(t testing.TB, file string) probed { return probeAs(t, file, "error") }

// probeBoxes probes files whose payloads cannot be decoded.
func probeBoxes(t testing.TB, file string) probed { return probeAs(t, file, "quiet") }

func probeAs(t testing.TB, file, level string) (p probed) {
	t.Helper()
	out := tool(t, "ffprobe", "-v", level, "-show_packets", "-show_data_hash", "md5", "-show_streams", "-show_format", "-of", "json", file)
	require.NoError(t, json.Unmarshal(out, &p))
	return p
}

func (p *probed) timescale(stream int) int64 {
	n, _ := strconv.ParseInt(p.Streams[stream].TimeBase[2:], 10, 64)
	return n
}

func (p *probed) of(stream int) (out []packet) {
	for _, x := range p.Packets {
		if x.Stream == stream {
			out = append(out, x)
		}
	}
	return out
}

// tool runs a program and fails the test if it prints an error.
func tool(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	var complaint = new(writer)
	cmd := exec.Command(name, args...)
	cmd.Stderr = complaint
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v: %s", name, args, complaint.b)
	require.Empty(t, string(complaint.b), "%s %v", name, args)
	return out
}

type writer struct{ b []byte }

func (w *writer) Write(p []byte) (int, error) { w.b = append(w.b, p...); return len(p), nil }

// source is a real elementary stream, extracted from a file that ffmpeg made.
type source struct {
	file   string
	tracks []media.Track
	units  []unit // interleaved as in the file, by decode time
	probe  probed
}

type unit struct {
	track int
	au    media.AU
}

// recipe identifies a source; each is made once for all tests.
type recipe struct {
	codec   string
	seconds int
	gop     int // in frames, which are small then; 0: one second
	silent  bool
}

var sources = struct {
	sync.Mutex
	dir  string
	made map[recipe]*source
}{made: map[recipe]*source{}}

// TestMain creates the directory of the sources. A test that releases a file's lock and takes it
// again is not parallel: a program that another test starts inherits the lock for a moment, between
// fork and exec.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mp4-sources")
	if err != nil {
		panic(err)
	}
	sources.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func avc(seconds int) recipe  { return recipe{codec: "libx264", seconds: seconds} }
func hevc(seconds int) recipe { return recipe{codec: "libx265", seconds: seconds} }

// record makes a source: moving pictures with B-frames, a key frame a second, and audio.
func record(t testing.TB, r recipe) *source {
	t.Helper()
	sources.Lock()
	defer sources.Unlock()
	if s := sources.made[r]; s != nil {
		return s
	}
	name := filepath.Join(sources.dir, r.codec+strconv.Itoa(len(sources.made))+".mp4")
	seconds := strconv.Itoa(r.seconds)
	gop, size := "25", "320x180"
	if r.gop > 0 {
		gop, size = strconv.Itoa(r.gop), "128x72"
	}
	args := []string{
		"-v", "error", "-y",
		"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=25:duration=" + seconds,
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=" + seconds,
		"-c:v", r.codec, "-preset", "veryfast", "-bf", "2", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-b:v", "600k", "-pix_fmt", "yuv420p",
	}
	if r.codec == "libx265" {
		args = append(args, "-tag:v", "hvc1", "-x265-params", "log-level=error:bframes=2:open-gop=0:keyint="+gop+":min-keyint="+gop)
	}
	if r.silent {
		args = append(args, "-an")
	}
	tool(t, "ffmpeg", append(args, "-video_track_timescale", "90000", "-c:a", "aac", "-ac", "2", name)...)
	s := &source{file: name, probe: probe(t, name)}
	s.readTracks(t)
	s.readUnits(t)
	sources.made[r] = s
	return s
}

// readTracks reads the decoder configuration from the source's boxes.
func (s *source) readTracks(t testing.TB) {
	f, err := os.Open(s.file)
	require.NoError(t, err)
	defer f.Close()
	for i, stream := range s.probe.Streams {
		out := media.Track{Timescale: uint32(s.probe.timescale(i)), Width: stream.Width, Height: stream.Height, Channels: stream.Channels}
		stsd := gomp4.BoxPath{gomp4.BoxTypeMoov(), gomp4.BoxTypeTrak(), gomp4.BoxTypeMdia(), gomp4.BoxTypeMinf(), gomp4.BoxTypeStbl(), gomp4.BoxTypeStsd(), gomp4.BoxTypeAny(), gomp4.BoxTypeAny()}
		boxes, err := gomp4.ExtractBoxWithPayload(f, nil, stsd)
		require.NoError(t, err)
		for _, b := range boxes {
			switch config := b.Payload.(type) {
			case *gomp4.AVCDecoderConfiguration:
				if stream.Codec == "h264" {
					out.Codec = codec.H264
					for _, set := range slices.Concat(config.SequenceParameterSets, config.PictureParameterSets) {
						out.ParameterSets = append(out.ParameterSets, set.NALUnit)
					}
				}
			case *gomp4.HvcC:
				if stream.Codec == "hevc" {
					out.Codec = codec.H265
					for _, array := range config.NaluArrays {
						if array.NaluType < 32 || array.NaluType > 34 {
							continue
						}
						for _, set := range array.Nalus {
							out.ParameterSets = append(out.ParameterSets, set.NALUnit)
						}
					}
				}
			case *gomp4.Esds:
				if stream.Codec == "aac" {
					out.Codec, out.FrameDurationTicks = codec.AAC, 1024
					out.SampleRate, _ = strconv.Atoi(stream.Rate)
					for _, d := range config.Descriptors {
						if d.Tag == gomp4.DecSpecificInfoTag {
							out.ParameterSets = [][]byte{d.Data}
						}
					}
				}
			}
		}
		require.NoError(t, out.Validate())
		s.tracks = append(s.tracks, out)
	}
}

func (s *source) readUnits(t testing.TB) {
	data, err := os.ReadFile(s.file)
	require.NoError(t, err)
	for _, p := range s.probe.Packets {
		pos, err := strconv.Atoi(p.Pos)
		require.NoError(t, err)
		size, err := strconv.Atoi(p.Size)
		require.NoError(t, err)
		ns := media.ToNanos(p.DTS, s.tracks[p.Stream].Timescale)
		s.units = append(s.units, unit{p.Stream, media.AU{
			DTS: p.DTS, PTS: p.PTS, UTC: start.UnixNano() + ns, MonoNS: ns,
			Sync: p.Flags[0] == 'K', Framed: true, Payload: [][]byte{data[pos : pos+size]},
		}})
	}
	slices.SortStableFunc(s.units, func(a, b unit) int { return cmp.Compare(a.au.MonoNS, b.au.MonoNS) })
}

// start is the wall clock of every source's time zero.
var start = time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)

// chunks cuts a source into chunks, which the caller owns. It leaves out units for which only
// returns false.
func (s *source) chunks(t testing.TB, pool *media.Pool, flush time.Duration, only func(unit) bool) (*media.TrackSet, []*media.Chunk) {
	t.Helper()
	set, err := media.NewTrackSet(1, s.tracks)
	require.NoError(t, err)
	var out []*media.Chunk
	b := media.NewBuilder(pool, media.BuilderConfig{Flush: flush}, func(c *media.Chunk) { out = append(out, c) })
	b.SetTracks(set)
	for i := range s.units {
		if only == nil || only(s.units[i]) {
			require.NoError(t, b.Append(s.units[i].track, &s.units[i].au))
		}
	}
	b.Flush()
	return set, out
}
