package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// coded is a codec, or one of its forms, with the ways in which ffmpeg can bring it to spool.
type coded struct {
	name      string   // of the codec; then what the form differs in
	encode    []string // arguments of ffmpeg that encode it, beside the other kind of track
	container string   // of the source
	kind      string   // v, a, or d for metadata
	// compare requires that a recording has the track of its source. It is nil if packets are compared.
	compare  func(t *testing.T, file, source string)
	settings string                                        // of the stream
	without  map[string]string                             // ways that cannot be tested, with the reasons
	alone    bool                                          // the source has no track of the other kind
	metadata documents                                     // that the source has, beside pictures; empty: none
	config   string                                        // of AAC, hexadecimal: takes the place of that which ffmpeg writes
	send     func(t *testing.T, source, url string) sender // publishes the source in real time; nil: ffmpeg does
}

// sender is a running publisher. It ends without an error after finish, or at any point after kill.
type sender interface {
	finish()
	kill()
}

// publish sends a source in real time.
func (c coded) publish(t *testing.T, source, url string) sender {
	t.Helper()
	if c.send != nil {
		return c.send(t, source, url)
	}
	return publish(t, source, url, "tcp", "-re")
}

// codecs lists what the tests record by each way. A new codec is a new row.
var codecs = []coded{
	{name: "h264", encode: []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "25", "-c:a", "aac"}, container: "mp4", kind: "v"},
	{name: "h265", encode: []string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "bframes=3:keyint=25:log-level=error:info=0", "-c:a", "aac"}, container: "mp4", kind: "v"},
	{name: "vp9", encode: pictures("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), container: "mp4", kind: "v"},
	{name: "av1", encode: []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "25", "-an"}, container: "mp4", kind: "v", alone: true, send: publishAV1},
	{name: "mpeg4", encode: pictures("mpeg4", "-b:v", "500k"), container: "mp4", kind: "v"},
	{name: "mpeg4, B-VOPs", encode: pictures("mpeg4", "-b:v", "500k", "-bf", "2"), container: "mp4", kind: "v"},
	{name: "mjpeg", encode: pictures("mjpeg", "-huffman", "default", "-s", "320x176"), container: "mp4", kind: "v", compare: samePictures},
	{name: "mjpeg, 4:2:2", encode: pictures("mjpeg", "-huffman", "default", "-s", "320x176", "-pix_fmt", "yuvj422p"), container: "mov", kind: "v", compare: samePictures, without: tallChroma},
	{name: "aac", encode: withPictures("aac", 48000, 2), container: "mp4", kind: "a"},
	{name: "aac, 16 kHz, mono", encode: withPictures("aac", 16000, 1), container: "mp4", kind: "a"},
	{name: "aac, HE", encode: withPictures("aac", 24000, 2), container: "mp4", kind: "a", config: "2b11880000"},
	{name: "aac, HEv2", encode: withPictures("aac", 24000, 1), container: "mp4", kind: "a", config: "eb09880000"},
	{name: "aac, ADTS", encode: soundAlone("aac", 48000, 2), container: "mp4", kind: "a", alone: true, without: noADTS, send: publishADTS},
	{name: "opus", encode: withPictures("libopus", 48000, 2, "-frame_duration", "20"), container: "mp4", kind: "a"},
	{name: "opus, 60 ms, mono", encode: withPictures("libopus", 48000, 1, "-frame_duration", "60"), container: "mp4", kind: "a"},
	{name: "opus, 5.1", encode: soundAlone("libopus", 48000, 6), container: "mp4", kind: "a", alone: true, send: publishOpus},
	{name: "mp3", encode: withPictures("libmp3lame", 48000, 2), container: "mp4", kind: "a"},
	{name: "mp3, 16 kHz, mono", encode: withPictures("libmp3lame", 16000, 1), container: "mov", kind: "a"},
	{name: "ac-3", encode: soundAlone("ac3", 48000, 2), container: "mp4", kind: "a", alone: true, send: publishAC3},
	{name: "ac-3, 44.1 kHz, 5.1", encode: soundAlone("ac3", 44100, 6), container: "mp4", kind: "a", alone: true, send: publishAC3},
	{name: "e-ac-3", encode: soundAlone("eac3", 48000, 2), container: "mp4", kind: "a", alone: true, send: publishEAC3},
	{name: "e-ac-3, 44.1 kHz, 5.1", encode: soundAlone("eac3", 44100, 6), container: "mp4", kind: "a", alone: true, send: publishEAC3},
	{name: "flac", encode: withPictures("flac", 48000, 2, "-strict", "-2"), container: "mp4", kind: "a", without: onlyInFiles},
	{name: "flac, 24 bits, 96 kHz", encode: withPictures("flac", 96000, 2, "-strict", "-2", "-sample_fmt", "s32"), container: "mp4", kind: "a", without: onlyInFiles},
	{name: "lpcm, mu-law", encode: withPictures("pcm_mulaw", 8000, 1), container: "mov", kind: "a", compare: samplesIn("ipcm"), without: notInFiles},
	{name: "lpcm, A-law, 16 kHz, stereo", encode: withPictures("pcm_alaw", 16000, 2), container: "mov", kind: "a", compare: samplesIn("ipcm"), without: notInFiles},
	{name: "mulaw", encode: withPictures("pcm_mulaw", 8000, 1), container: "mov", kind: "a", compare: samplesIn("ulaw"), settings: "audio: {g711: keep}"},
	{name: "alaw, 16 kHz, stereo", encode: withPictures("pcm_alaw", 16000, 2), container: "mov", kind: "a", compare: samplesIn("alaw"), settings: "audio: {g711: keep}"},
	{name: "lpcm, G.722", encode: withPictures("g722", 16000, 1, "-bf", "0", "-af", "asetpts=PTS+0.04/TB"), container: "mkv", kind: "a", compare: samplesIn("ipcm"), without: noForm},
	{name: "lpcm, G.726, 32 kbit-s", encode: withPictures("g726", 8000, 1, "-bf", "0", "-code_size", "4"), container: "mkv", kind: "a", compare: samplesIn("ipcm"), without: noForm, send: publishG726},
	{name: "lpcm, G.726, 24 kbit-s, AAL2", encode: withPictures("g726", 8000, 1, "-bf", "0", "-code_size", "3"), container: "mkv", kind: "a", compare: samplesIn("ipcm"), without: noForm},
	{name: "lpcm, L16", encode: withPictures("pcm_s16be", 44100, 2), container: "mov", kind: "a", compare: samplesIn("ipcm")},
	{name: "lpcm, L24", encode: withPictures("pcm_s24be", 48000, 2), container: "mov", kind: "a", compare: samplesIn("ipcm")},
	{name: "onvif", encode: bare, container: "mp4", kind: "d", metadata: onvif, send: onvif.publish},
	{name: "klv", encode: bare, container: "mp4", kind: "d", metadata: klv, send: klv.publish},
}

// The ways to record a source.
const (
	byPush = "rtsp push"
	byPull = "rtsp pull"
	byFile = "file"
)

var allWays = []string{byPush, byPull, byFile}

// Seconds of a source that is recorded as a whole, and of one whose recording is killed.
const (
	shortClip = 4
	longClip  = 20
)

// notInFiles are the ways of G.711 that is recorded as LPCM.
var notInFiles = map[string]string{byFile: "G.711 of a file is recorded as it is in the file: see mulaw and alaw"}

// tallChroma are the ways of MJPEG of 4:2:2.
var tallChroma = map[string]string{byPush: noTallChroma, byPull: noTallChroma}

const noTallChroma = "ffmpeg codes two blocks of chroma, one above the other, which RFC 2435 does not have"

// noADTS are the ways of frames with ADTS headers.
var noADTS = map[string]string{byFile: "MP4 files have no ADTS headers; files of ADTS alone are not read"}

// onlyInFiles are the ways of FLAC.
var onlyInFiles = map[string]string{byPush: noPayloadOfFLAC, byPull: noPayloadOfFLAC}

const noPayloadOfFLAC = "RTP has no payload format for FLAC"

// noForm are the ways of sound that no MP4 or MOV file has. The source is a Matroska file: it has no decoding times, so the
// pictures have none of their own. The sound of G.722 begins after the first picture, because ffmpeg's encoder delays it.
var noForm = map[string]string{byFile: "MP4 and MOV files have no form of G.722 and G.726"}

// withPictures returns the arguments for sound of a codec beside pictures.
func withPictures(encoder string, rate, channels int, more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-c:a", encoder, "-ar", fmt.Sprint(rate), "-ac", fmt.Sprint(channels)}, more...)
}

// soundAlone returns the arguments for sound of a codec without pictures.
func soundAlone(encoder string, rate, channels int) []string {
	return []string{"-vn", "-c:a", encoder, "-ar", fmt.Sprint(rate), "-ac", fmt.Sprint(channels)}
}

// bare are the arguments for pictures alone, in the order in which they are shown.
var bare = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "25", "-an"}

// pictures returns the arguments for pictures of a codec beside sound.
func pictures(encoder string, more ...string) []string {
	return append([]string{"-c:v", encoder, "-g", "25", "-c:a", "aac"}, more...)
}

// source makes a clip of a codec: moving pictures, and noise of which no two stretches are alike.
func (c coded) source(t *testing.T, seconds int) string {
	file := c.clip(t, fmt.Sprintf("%ds", seconds), fmt.Sprintf("testsrc2=size=320x180:rate=25:duration=%d", seconds), noise(seconds))
	if c.kind == "d" {
		return c.metadata.beside(t, file, 25*seconds)
	}
	return file
}

// clip makes a clip of a codec from two sources of ffmpeg. content tells it apart from the codec's other clips.
func (c coded) clip(t *testing.T, content, pictures, sound string) string {
	t.Helper()
	args := append([]string{"-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, "-pix_fmt", "yuv420p"}, c.encode...)
	name := fmt.Sprintf("%s-%s.%s", strings.NewReplacer(" ", "-", ",", "").Replace(c.name), content, c.container)
	made := clip(t, name, args...)
	if c.config != "" {
		return withConfig(t, made, c.config)
	}
	return made
}

// noise returns the source of ffmpeg for the sound of a clip.
func noise(seconds int) string {
	return fmt.Sprintf("anoisesrc=sample_rate=48000:duration=%d:seed=7", seconds)
}

// matches requires that a file has all of the source: the track of the codec as c.compare says, the other track packet by
// packet, and the same time between them, to 1 ms.
func (c coded) matches(t *testing.T, file, source string) {
	t.Helper()
	shift := map[string]float64{}
	kinds := []string{"v", "a"}
	if c.alone {
		kinds = []string{c.kind}
	} else if c.kind == "d" {
		kinds[1] = "d"
	}
	for _, kind := range kinds {
		if kind == c.kind && c.compare != nil {
			c.compare(t, file, source)
			got, want := probe(t, file, kind), probe(t, source, kind)
			shift[kind] = got.millis(got.packets[0].pts) - want.millis(want.packets[0].pts)
			continue
		}
		m := same(t, file, source, kind)
		require.True(t, m.from == 0 || kind == "a" && m.firstMillis < 100, "%s: %s packets before the first", file, kind)
		// Sound before the first picture is not recorded. ffmpeg does not send the last frames of sound that it has put together for one RTP packet.
		least := len(probe(t, source, kind).packets)
		if kind == "a" {
			least -= least / 10
		}
		require.GreaterOrEqual(t, m.count, least, "%s: %s packets", file, kind)
		shift[kind] = m.shift
	}
	require.True(t, len(kinds) == 1 || math.Abs(shift["v"]-shift[kinds[1]]) <= 1, "%s: ms between the tracks: %v", file, shift)
	c.decodes(t, file)
}

// decodes decodes a whole file. ffmpeg warns that it does not know which speakers the channels of uncompressed sound are for.
func (c coded) decodes(t *testing.T, file string) {
	t.Helper()
	if c.compare != nil {
		tool(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "null", "-")
		return
	}
	decodes(t, file)
}

// samplesIn returns a function that requires that a recording has the source's sound, sample for sample, in sample
// entries of a type.
func samplesIn(fourcc string) func(t *testing.T, file, source string) {
	return func(t *testing.T, file, source string) {
		t.Helper()
		require.True(t, samplesOf(t, source) == samplesOf(t, file), "the samples of %s", file)
		require.Equal(t, fourcc, strings.TrimSpace(tool(t, "ffprobe", "-v", "error", "-select_streams", "a",
			"-show_entries", "stream=codec_tag_string", "-of", "compact=p=0:nk=1", file)), file)
	}
}

// samplesOf returns the decoded sound of a file.
func samplesOf(t *testing.T, file string) string {
	t.Helper()
	return tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:a", "-f", "s32le", "-c:a", "pcm_s32le", "-")
}

// seeks plays a little of a file from 20 positions. One process opens the file 20 times: starting ffmpeg costs more than
// playing does.
func seeks(t *testing.T, file string) {
	t.Helper()
	args := []string{"-nostdin", "-v", "error", "-xerror"}
	for i := range 20 {
		args = append(args, "-threads", "1", "-ss", fmt.Sprintf("%.3f", float64(i)*shortClip/20), "-i", file)
	}
	for i := range 20 {
		args = append(args, "-map", fmt.Sprint(i), "-t", "0.1", "-f", "null", "-")
	}
	tool(t, "ffmpeg", args...)
}

// bothForms are two pipelines that record a stream into an ordinary and into a fragmented file. The name of a file says
// which form it has.
var bothForms = func() string {
	const stages = "[{source: {}}, {gop_ring: {}}, {segmenter: {}}, {mp4: {fragment: %v, filename_pattern: '{stream}-%[1]v-{seq}.mp4'}}, {metadata: {}}]"
	return fmt.Sprintf("pipelines:\n  ordinary: {record: RECORD, stages: %s}\n  fragments: {record: RECORD, stages: %s}\n", fmt.Sprintf(stages, false), fmt.Sprintf(stages, true))
}()

// formsOf returns the files of a stream that bothForms have recorded, by whether they are fragmented.
func (r *recorder) formsOf(stream string) map[bool]string {
	r.t.Helper()
	files := map[bool]string{}
	for _, rec := range r.awaitRecords(stream, 2) {
		files[strings.Contains(filepath.Base(rec.File), "-true-")] = r.path(rec.File)
	}
	require.Len(r.t, files, 2)
	return files
}

// Each codec is recorded by each way into each form of files, and rewritten in the other form, with all of its source. What was
// pushed is rewritten, or all of a codec that cannot be pushed.
func TestEachCodecIsRecordedByEachWay(t *testing.T) {
	t.Parallel()
	program, err := staticBinary()
	require.NoError(t, err)
	relay, config := newRelay(t), strings.ReplaceAll(bothForms, "RECORD", "manual")+"streams:\n"
	for i, c := range codecs {
		config += fmt.Sprintf("  push/%d: {%s}\n  pull/%[1]d: {pull: '%[3]s/%[1]d', %[2]s}\n", i, c.settings, relay.url)
	}
	shared := serve(t, config)
	shared.expect("pull failed")
	ways := map[string]func(t *testing.T, r *recorder, source string, i int) map[bool]string{
		byPush: func(t *testing.T, r *recorder, source string, i int) map[bool]string {
			stream := fmt.Sprint("push/", i)
			r.start(stream, "?wait=true")
			codecs[i].publish(t, source, r.rtsp+"/"+stream).finish()
			return r.formsOf(stream)
		},
		byPull: func(t *testing.T, r *recorder, source string, i int) map[bool]string {
			path := fmt.Sprint(i)
			p := codecs[i].publish(t, source, relay.url+"/"+path)
			<-relay.at(path).announced
			r.start("pull/"+path, "")
			p.finish()
			files := r.formsOf("pull/" + path)
			r.stop("pull/" + path)
			return files
		},
		byFile: func(t *testing.T, _ *recorder, source string, _ int) map[bool]string {
			files := map[bool]string{}
			for _, fragment := range []bool{false, true} {
				files[fragment] = filepath.Join(t.TempDir(), "recorded.mp4")
				tool(t, program, "remux", fmt.Sprintf("--fragment=%v", fragment), source, files[fragment])
			}
			return files
		},
	}
	for i, c := range codecs {
		for way, record := range ways {
			if c.without[way] != "" {
				continue
			}
			t.Run(c.name+"/"+way, func(t *testing.T) {
				t.Parallel()
				source := c.source(t, shortClip)
				for fragment, file := range record(t, shared.of(t), source, i) {
					t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
						c.matches(t, file, source)
						if way != byPush && c.without[byPush] == "" {
							return
						}
						rewritten := filepath.Join(t.TempDir(), "rewritten.mp4")
						tool(t, program, "remux", fmt.Sprintf("--fragment=%v", !fragment), file, rewritten)
						c.matches(t, rewritten, source)
						if way == byPush {
							seeks(t, file)
							seeks(t, rewritten)
						}
					})
				}
			})
		}
	}
}

// After kill -9 the recovered files of each codec have the first part of its source.
func TestEachCodecIsRecovered(t *testing.T) {
	t.Parallel()
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source, dir, settings := c.source(t, longClip), t.TempDir(), c.settings
			if c.without[byPush] != "" {
				settings = fmt.Sprintf("pull: %q", "file:"+source)
			}
			config := strings.ReplaceAll(bothForms, "RECORD", "manual") + fmt.Sprintf("streams: {live/a: {%s}}", settings)
			r := launch(t, staticBinary, dir, config)
			r.start("live/a", "?wait=true")
			if c.without[byPush] == "" {
				defer c.publish(t, source, r.rtsp+"/live/a").kill()
			}
			r.awaitUnits("live/a", 150)
			require.Equal(t, -1, r.signal(syscall.SIGKILL))
			again := launch(t, staticBinary, dir, config)
			for fragment, file := range again.formsOf("live/a") {
				t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) { c.begins(t, file, source) })
			}
			for _, rec := range again.records("live/a") {
				require.Equal(t, "recovered crash", rec.State+" "+rec.EndReason)
			}
		})
	}
}

// begins requires that a file has the beginning of the source, a third of a second of it or more.
func (c coded) begins(t *testing.T, file, source string) {
	t.Helper()
	if c.compare == nil || c.kind == "v" {
		read := probe
		if c.compare != nil {
			read = decodedTrack
		}
		m := runOf(t, file, source, c.kind, read)
		require.Zero(t, m.from, "%s: packets before the first", file)
		got := probe(t, file, c.kind).packets
		require.Greater(t, probe(t, file, c.kind).millis(got[m.count-1].pts-got[0].pts), 333., "%s: ms", file)
	} else {
		got, want := samplesOf(t, file), samplesOf(t, source)
		require.Greater(t, len(got), len(want)/longClip/3, file)
		require.True(t, strings.HasPrefix(want, got), file)
	}
	c.decodes(t, file)
}

// The manual shows which codec these tests record by which way.
func TestTheTableOfCodecsIsInTheManual(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "| codec | %s |\n|---|---|---|---|\n", strings.Join(allWays, " | "))
	var reasons []string
	for _, c := range codecs {
		table.WriteString("| " + c.name)
		for _, way := range allWays {
			reason := c.without[way]
			if reason == "" {
				table.WriteString(" | yes")
				continue
			}
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
			fmt.Fprintf(&table, " | (%d)", 1+slices.Index(reasons, reason))
		}
		table.WriteString(" |\n")
	}
	for i, reason := range reasons {
		fmt.Fprintf(&table, "\n(%d) %s.", i+1, reason)
	}
	manual, err := os.ReadFile("../../../pipeline/codec/README.md")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(manual), table.String()), "pipeline/codec/README.md lacks the table\n%s", table.String())
}
