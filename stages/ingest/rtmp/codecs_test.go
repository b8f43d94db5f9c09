package rtmp

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/flac"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// nalsOf divides a packet of a file into its NAL units.
func nalsOf(b []byte) (out [][]byte) {
	for len(b) > 4 {
		n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		out, b = append(out, b[4:4+n]), b[4+n:]
	}
	return out
}

func obusOf(t *testing.T, b []byte) [][]byte {
	t.Helper()
	var unit av1.Bitstream
	require.NoError(t, unit.Unmarshal(b))
	return unit
}

// gortmplib publishes each codec that it knows, most of them by Enhanced RTMP. The packets come from files that ffmpeg has
// made.
func TestCodecsOfGortmplib(t *testing.T) {
	vp9 := []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-an"}
	sound := func(args ...string) []string { return append([]string{"-vn"}, args...) }
	for name, tc := range map[string]struct {
		file  string
		args  []string
		codec media.Codec
		track codecs.Codec
		write func(w *gortmplib.Writer, track *gortmplib.Track, pts, dts time.Duration, p *packet) error
	}{
		"h265": {"h265.mp4", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=2:keyint=25:log-level=error", "-pix_fmt", "yuv420p", "-an"}, codec.H265, &codecs.H265{},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, dts time.Duration, p *packet) error {
				return w.WriteH265(track, pts, dts, nalsOf(p.data))
			}},
		"av1": {"av1.mp4", []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25", "-an"}, codec.AV1, &codecs.AV1{},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, _ time.Duration, p *packet) error {
				return w.WriteAV1(track, pts, obusOf(t, p.data))
			}},
		"vp9": {"vp9.mp4", vp9, codec.VP9, &codecs.VP9{},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, _ time.Duration, p *packet) error {
				return w.WriteVP9(track, pts, p.data)
			}},
		"opus": {"opus.mp4", sound("-c:a", "libopus"), codec.Opus, &codecs.Opus{IDHeader: &opus.IDHeader{Version: 1, ChannelCount: 1}},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, _ time.Duration, p *packet) error {
				return w.WriteOpus(track, pts, p.data)
			}},
		"flac": {"flac.mp4", sound("-c:a", "flac", "-strict", "experimental", "-sample_fmt", "s16"), codec.FLAC, &codecs.FLAC{StreamInfo: &flac.StreamInfo{MinBlockSize: 4608, MaxBlockSize: 4608, SampleRate: 44100, ChannelCount: 1, BitDepth: 16}},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, _ time.Duration, p *packet) error {
				return w.WriteFLAC(track, pts, p.data)
			}},
		"ac3": {"ac3.mp4", sound("-c:a", "ac3"), codec.AC3, &codecs.AC3{SampleRate: 44100, ChannelCount: 1},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, _ time.Duration, p *packet) error {
				return w.WriteAC3(track, pts, p.data)
			}},
		"mp3": {"only-mp3.mp4", sound("-c:a", "libmp3lame"), codec.MP3, &codecs.MPEG1Audio{},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, _ time.Duration, p *packet) error {
				return w.WriteMPEG1Audio(track, pts, p.data)
			}},
		"aac": {"sound.mp4", sound(aac...), codec.AAC, &codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelCount: 1, ChannelConfig: 1}},
			func(w *gortmplib.Writer, track *gortmplib.Track, pts, _ time.Duration, p *packet) error {
				return w.WriteMPEG4Audio(track, pts, p.data)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			wait := f.record(path)
			file := clip(t, tc.file, tc.args...)
			stream := "a"
			if tc.codec.Kind() == media.Video {
				stream = "v"
			}
			packets, scale := probe(t, file, stream)
			if h, is := tc.track.(*codecs.H265); is {
				h.VPS, h.SPS, h.PPS = setsOf(t, file)
			}
			track := &gortmplib.Track{Codec: tc.track}
			w := f.gortmplib(track)
			for i := range packets {
				p := &packets[i]
				pts, dts := time.Duration(ms(p.pts, scale)+100)*time.Millisecond, time.Duration(ms(p.dts, scale)+100)*time.Millisecond
				require.NoError(t, tc.write(w, track, pts, dts, p))
			}
			w.Conn.(*gortmplib.Client).Close()
			got := wait()
			require.Len(t, got.sets, 1)
			require.Len(t, got.units[tc.codec], len(packets))
			compare(t, file, stream, got, tc.codec, 0, 0)
			require.Empty(t, f.losses(path))
		})
	}
}

// gortmplib returns a writer that publishes tracks at path.
func (f *fixture) gortmplib(tracks ...*gortmplib.Track) *gortmplib.Writer {
	f.t.Helper()
	u, err := url.Parse(f.url(strings.Replace(path, "/", "#", 1))) // gortmplib takes the key behind a hash
	require.NoError(f.t, err)
	c := &gortmplib.Client{URL: u, Publish: true}
	require.NoError(f.t, c.Initialize(context.Background()))
	f.t.Cleanup(c.Close)
	w := &gortmplib.Writer{Conn: c, Tracks: tracks}
	require.NoError(f.t, w.Initialize())
	return w
}

// setsOf returns the parameter sets of a file of H.265.
func setsOf(t *testing.T, file string) (vps, sps, pps []byte) {
	t.Helper()
	raw := strings.TrimSuffix(file, ".mp4") + ".hevc"
	ffmpeg(t, "-i", file, "-c", "copy", "-bsf:v", "hevc_mp4toannexb", raw)
	packets, _ := probe(t, raw, "v")
	for nal := range strings.SplitSeq(string(packets[0].data), "\x00\x00\x01") {
		b := []byte(strings.TrimRight(nal, "\x00"))
		if len(b) == 0 {
			continue
		}
		switch b[0] >> 1 & 0x3f {
		case 32:
			vps = b
		case 33:
			sps = b
		case 34:
			pps = b
		}
	}
	require.NotEmpty(t, pps)
	return vps, sps, pps
}

// Sound that gortmplib cannot write, byte by byte.
func TestOtherSound(t *testing.T) {
	eac3, scale := probe(t, clip(t, "eac3.mp4", "-vn", "-c:a", "eac3"), "a")
	for name, tc := range map[string]struct {
		keep  bool
		body  func(i int) []byte
		codec media.Codec
		step  int64 // ticks
		rate  uint32
		bytes int
	}{
		"e-ac-3": {false, func(i int) []byte {
			return append([]byte{0x91, 'e', 'c', '-', '3'}, eac3[i].data...)
		}, codec.EAC3, 1536, scale, len(eac3[0].data)},
		"g711":      {false, func(i int) []byte { return append([]byte{0x72}, make([]byte, 160)...) }, codec.LPCM, 160, 8000, 320},
		"g711 kept": {true, func(i int) []byte { return append([]byte{0x82}, make([]byte, 160)...) }, codec.MuLaw, 160, 8000, 160},
		"lpcm":      {false, func(i int) []byte { return append([]byte{0x3f}, make([]byte, 4*441)...) }, codec.LPCM, 441, 44100, 4 * 441},
		"opus without a header": {false, func(i int) []byte {
			return append([]byte{0x91, 'O', 'p', 'u', 's', 0xfc}, make([]byte, 20)...)
		}, codec.Opus, 960, 48000, 21},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if tc.keep {
				require.NoError(t, f.hub.Configure(path, hub.StreamConfig{G711: hub.G711Keep}))
			}
			wait := f.record(path)
			e := f.publisher()
			for i := range 20 {
				e.send(sound, uint32(int64(i)*tc.step*1000/int64(tc.rate)), tc.body(i)...)
			}
			e.leave()
			got := wait()
			require.Len(t, got.units[tc.codec], 20)
			require.Equal(t, tc.rate, got.track(tc.codec).Timescale)
			apart, _ := steps(got.units[tc.codec])
			require.Equal(t, all(19, tc.step), apart)
			require.Empty(t, f.losses(path))
		})
	}
}

// Several tracks of one kind in one message, of Enhanced RTMP v2.
func TestSeveralTracks(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	config := avcConfig(ingesttest.SPS25)[5:]
	e.send(pictures, 0, many(0, config, avcConfig(ingesttest.SPSBig)[5:])...)
	e.send(sound, 0, aacConfig...)
	e.send(sound, 0, aacFrame(0)...)
	for i := range 5 {
		nal := avcPicture(i, i == 0, 0)[5:]
		e.send(pictures, uint32(40*i), many(3, nal, nal)...)
	}
	e.leave()
	got := wait()
	require.Len(t, got.sets, 1)
	require.Len(t, got.sets[0].Tracks, 3)
	require.Equal(t, []int{320, 640}, []int{got.sets[0].Tracks[0].Width, got.sets[0].Tracks[1].Width})
	require.Len(t, got.units[codec.H264], 10)
	require.Empty(t, f.losses(path))
}

// many returns a multitrack message of a packet type, with the data of several tracks.
func many(kind byte, data ...[]byte) []byte {
	b := []byte{0x96, 0x10 | kind, 'a', 'v', 'c', '1'}
	for i, d := range data {
		b = append(append(b, byte(i), byte(len(d)>>16), byte(len(d)>>8), byte(len(d))), d...)
	}
	return b
}

// A key frame of AV1 without a sequence header gets that of the configuration, and start codes in place of lengths are
// understood.
func TestOddPictures(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.send(pictures, 0, avcConfig(ingesttest.SPS25)...)
	for i := range 3 {
		p := avcPicture(i, i == 0, 0)
		e.send(pictures, uint32(40*i), append(append(p[:5:5], 0, 0, 0, 1), p[9:]...)...)
	}
	e.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 3)
	require.Empty(t, f.losses(path))

	packets, _ := probe(t, clip(t, "av1.mp4", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25", "-an"), "v")
	units := obusOf(t, packets[0].data)
	header, err := av1.Bitstream(units[:1]).Marshal()
	require.NoError(t, err)
	rest, err := av1.Bitstream(units[1:]).Marshal()
	require.NoError(t, err)
	wait = f.record("live/b")
	e = f.encoder("live")
	code, _ := e.publish("b")
	require.Equal(t, "NetStream.Publish.Start", code)
	e.send(pictures, 0, append([]byte{0x90, 'a', 'v', '0', '1', 0x81, 0, 0, 0}, header...)...)
	e.send(pictures, 0, append([]byte{0x91, 'a', 'v', '0', '1'}, rest...)...)
	e.leave()
	got = wait()
	require.Len(t, got.units[codec.AV1], 1)
	require.Equal(t, packets[0].hash, got.units[codec.AV1][0].hash)
}
