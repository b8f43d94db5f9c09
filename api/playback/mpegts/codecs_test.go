package mpegts

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// TestEveryCodec makes a file of each codec by ffmpeg, writes its samples as a transport stream, and compares what ffmpeg reads of both: the
// decoded pictures, and the packets of sound.
func TestEveryCodec(t *testing.T) {
	for name, tc := range map[string]struct{ args, filter, packets string }{
		"H.264 with B-frames":         {"-c:v libx264 -preset ultrafast -bf 2 -g 12", "testsrc=size=160x120:rate=25:duration=2", ""},
		"H.265 with B-frames":         {"-c:v libx265 -preset ultrafast -x265-params log-level=error -tag:v hvc1 -g 12", "testsrc=size=160x120:rate=25:duration=2", ""},
		"MPEG-4 part 2 with B-frames": {"-c:v mpeg4 -bf 2 -g 12", "testsrc=size=160x120:rate=25:duration=2", ""},
		"AAC":                         {"-c:a aac -ac 2", "sine=duration=2:sample_rate=44100", "aac_adtstoasc"},
		"AAC of 5.1 channels":         {"-c:a aac -ac 6", "sine=duration=2:sample_rate=48000", "aac_adtstoasc"},
		"MP3":                         {"-c:a libmp3lame", "sine=duration=2:sample_rate=44100", "null"},
		"MP3 of MPEG-2":               {"-c:a libmp3lame -ac 1", "sine=duration=2:sample_rate=22050", "null"},
		"AC-3":                        {"-c:a ac3 -ac 2", "sine=duration=2:sample_rate=48000", "null"},
		"E-AC-3":                      {"-c:a eac3 -ac 2", "sine=duration=2:sample_rate=48000", "null"},
		"Opus":                        {"-c:a libopus -ac 2 -b:a 256k", "anoisesrc=duration=2:sample_rate=48000", "null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mp4, ts := filepath.Join(dir, "a.mp4"), filepath.Join(dir, "a.ts")
			args := append([]string{"-f", "lavfi", "-i", tc.filter}, strings.Fields(tc.args)...)
			ffmpeg(t, append(args, "-use_editlist", "0", mp4)...)
			file, err := os.ReadFile(mp4)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(ts, transport(t, file), 0o600))
			how := []string{"-fps_mode", "passthrough", "-f", "framemd5", "-"}
			if tc.packets != "" {
				how = []string{"-c", "copy", "-f", "framemd5", "-"}
			}
			want := hashes(ffmpeg(t, append([]string{"-xerror", "-i", mp4}, how...)...))
			if tc.packets != "" {
				how = append([]string{"-bsf:a", tc.packets}, how...)
			}
			require.NotEmpty(t, want)
			require.Equal(t, want, hashes(ffmpeg(t, append([]string{"-xerror", "-i", ts}, how...)...)))
		})
	}
}

// ffmpeg runs ffmpeg, which must report nothing.
func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &said)
	require.Empty(t, said.String())
	return string(out)
}

// hashes returns the hashes of a list: its sixth column. Those of side data follow.
func hashes(list string) (out []string) {
	for line := range strings.Lines(list) {
		if line[0] != '#' {
			out = append(out, strings.TrimSpace(strings.Split(line, ",")[5]))
		}
	}
	return out
}

// source is the first track of a file.
type source struct {
	movie.Track
	samples []movie.Sample
}

func read(t *testing.T, file []byte) (s source) {
	t.Helper()
	mdia := isobmff.Find(file, "moov", "trak", "mdia")
	head, ok := isobmff.ReadMdhd(isobmff.Find(mdia, "mdhd"))
	require.True(t, ok)
	handler, _ := isobmff.ReadHdlr(isobmff.Find(mdia, "hdlr"))
	stbl := isobmff.Find(mdia, "minf", "stbl")
	s.Track = movie.Track{Kind: media.Audio, Timescale: head.Timescale, Language: "deu", Entries: [][]byte{isobmff.Find(stbl, "stsd")[8:]}}
	if handler.Is("vide") {
		s.Kind = media.Video
	}
	table, err := isobmff.ReadSampleTable(stbl)
	require.NoError(t, err)
	var x isobmff.Sample
	for ok, err := table.Next(&x); ok; ok, err = table.Next(&x) {
		require.NoError(t, err)
		s.samples = append(s.samples, movie.Sample{
			Entry: 1, DTS: x.DTS, PTS: x.DTS + int64(x.OffsetTicks), DurationTicks: x.DurationTicks, Sync: x.Sync, SizeBytes: x.SizeBytes, At: x.At,
		})
		s.LeastOffsetTicks = min(s.LeastOffsetTicks, int64(x.OffsetTicks))
	}
	return s
}

// transport writes a file's first track as a transport stream.
func transport(t *testing.T, file []byte) []byte {
	t.Helper()
	s := read(t, file)
	f, name, err := formOf(s.Entries[0], s.Timescale)
	require.NoError(t, err, name)
	return written1(t, []track{{s.Track, []*mpegts.Form{f}}}, bytes.NewReader(file), s.samples)
}

func written1(t *testing.T, tracks []track, file io.ReaderAt, samples []movie.Sample) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newWriter(tracks, &out)
	require.NoError(t, err)
	for i := range samples {
		require.NoError(t, w.add(&samples[i], file))
	}
	require.NoError(t, w.add(nil, file))
	require.NoError(t, w.mux.Flush())
	return out.Bytes()
}
