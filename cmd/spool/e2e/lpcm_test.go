package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// uncompressed lists forms of sound that RTP carries and that are recorded as LPCM: the encoder of ffmpeg, the samples a
// second and the channels; and the encoder of the recorded samples.
var uncompressed = []struct {
	name, encoder  string
	rate, channels int
	recorded       string
}{
	{"mu-law", "pcm_mulaw", 8000, 1, "pcm_s16le"},
	{"A-law", "pcm_alaw", 8000, 1, "pcm_s16le"},
	{"A-law at 16 kHz in stereo", "pcm_alaw", 16000, 2, "pcm_s16le"},
	{"L16", "pcm_s16be", 44100, 2, "pcm_s16be"},
	{"L24", "pcm_s24be", 48000, 2, "pcm_s24be"},
}

// pcmClip makes a clip with moving pictures and noise, of which no two stretches are alike.
func pcmClip(t *testing.T, encoder string, rate, channels int) string {
	return clip(t, fmt.Sprintf("%s-%d-%d.mov", encoder, rate, channels), "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6",
		"-f", "lavfi", "-i", fmt.Sprintf("anoisesrc=sample_rate=%d:duration=6:seed=7", rate), "-c:v", "libx264", "-preset", "veryfast", "-g", "25",
		"-pix_fmt", "yuv420p", "-c:a", encoder, "-ac", fmt.Sprint(channels))
}

// samplesOf returns the decoded sound of a file.
func samplesOf(t *testing.T, file string) string {
	return tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:a", "-f", "s32le", "-c:a", "pcm_s32le", "-")
}

// The recording of uncompressed sound has each sample of the source, at the source's distance from the pictures, and
// its exact length, in both forms of files, and rewritten in both.
func TestUncompressedSoundIsRecordedExactly(t *testing.T) {
	t.Parallel()
	program, err := staticBinary()
	require.NoError(t, err)
	for _, fragment := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
			t.Parallel()
			r := serve(t, "", "--set", fmt.Sprintf("mp4/fragment=%v", fragment))
			var all sync.WaitGroup
			for i, c := range uncompressed {
				source, stream := pcmClip(t, c.encoder, c.rate, c.channels), fmt.Sprint("live/", i)
				r.start(stream, "?wait=true")
				p := publish(t, source, r.rtsp+"/"+stream, "tcp", "-re")
				all.Go(func() {
					p.finish()
					file, want := r.path(r.awaitRecords(stream, 1)[0].File), samplesOf(t, source)
					rewritten := filepath.Join(t.TempDir(), "rewritten.mp4")
					tool(t, program, "remux", fmt.Sprintf("--fragment=%v", !fragment), file, rewritten)
					for _, file := range []string{file, rewritten} {
						require.True(t, want == samplesOf(t, file), "%s: the samples of %s", c.name, file)
						video := same(t, file, source, "v")
						sound, origin := probe(t, file, "a"), probe(t, source, "a")
						shift := sound.millis(sound.packets[0].pts) - origin.millis(origin.packets[0].pts)
						require.InDelta(t, video.shift, shift, 1, "%s: ms between sound and picture of %s", c.name, file)
						require.Equal(t, fmt.Sprintf("%s|ipcm|%d|%d|6.000000", c.recorded, c.rate, c.channels), strings.TrimSpace(tool(t, "ffprobe", "-v", "error",
							"-select_streams", "a", "-show_entries", "stream=codec_name,codec_tag_string,sample_rate,channels,duration", "-of", "compact=p=0:nk=1", file)), c.name)
					}
				})
			}
			all.Wait()
		})
	}
}

// After kill -9 the recovered file has the first samples of the source, and no other.
func TestUncompressedSoundIsRecovered(t *testing.T) {
	t.Parallel()
	for _, fragment := range []string{"false", "true"} {
		t.Run("fragment="+fragment, func(t *testing.T) {
			t.Parallel()
			dir, source := t.TempDir(), pcmClip(t, "pcm_mulaw", 8000, 1)
			args := []string{"--set", "mp4/fragment=" + fragment}
			r := launch(t, staticBinary, dir, "", args...)
			r.start("live/a", "?wait=true")
			p := publish(t, source, r.rtsp+"/live/a", "tcp", "-re")
			part := r.path(r.awaitUnits("live/a", 80).File)
			require.Equal(t, -1, r.signal(syscall.SIGKILL))
			p.kill()
			require.FileExists(t, part)

			again := launch(t, staticBinary, dir, "", args...)
			again.await("recording recovered after a crash")
			rec := again.awaitRecords("live/a", 1)[0]
			require.Equal(t, "recovered crash", rec.State+" "+rec.EndReason)
			got, want := samplesOf(t, again.path(rec.File)), samplesOf(t, source)
			require.Greater(t, len(got), 4*8000, "a second")
			require.True(t, strings.HasPrefix(want, got))
			_, err := os.Stat(part)
			require.ErrorIs(t, err, os.ErrNotExist)
		})
	}
}
