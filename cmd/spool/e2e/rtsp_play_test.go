package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// player is a program that plays a live stream by RTSP until its connection is closed.
type player struct {
	pictures string // file with the hashes of its decoded pictures, or with the coded pictures
	sound    string // file with the hashes of its frames of sound; empty: it plays none
	book     *logBook
	done     chan struct{}
}

func (r *recorder) player(name string, arg ...string) *player {
	r.t.Helper()
	p := &player{book: &logBook{}, done: make(chan struct{})}
	cmd := exec.CommandContext(r.t.Context(), name, arg...)
	cmd.Dir = r.t.TempDir()
	p.pictures = filepath.Join(cmd.Dir, "v")
	if name == "ffmpeg" {
		p.sound = filepath.Join(cmd.Dir, "a")
	}
	cmd.Stderr = p.book
	require.NoError(r.t, cmd.Start())
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the recorder closes its connection
	}()
	r.t.Cleanup(func() {
		<-p.done
		if r.t.Failed() {
			r.t.Logf("%s: %.2000s", name, p.book.String())
		}
	})
	return p
}

// ffplays plays by ffmpeg, which decodes the pictures and copies the sound.
func (r *recorder) ffplays(stream, transport string) *player {
	return r.player("ffmpeg", "-v", "warning", "-rtsp_transport", transport, "-i", r.rtsp+"/"+stream,
		"-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "v", "-map", "0:a", "-c", "copy", "-f", "framemd5", "-flush_packets", "1", "a")
}

var hashOfFrame = regexp.MustCompile(`(?m)^\d.*?, ([0-9a-f]{32})`) // hashes of side data follow

// hashesIn reads the hashes in a file of framemd5.
func hashesIn(t *testing.T, file string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, m := range hashOfFrame.FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	return all
}

// framemd5 returns the hashes of the pictures of a file, decoded, or of its frames of sound.
func framemd5(t *testing.T, file string, arg ...string) []string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "hashes")
	_, complaint, err := run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-i", file}, arg, []string{"-f", "framemd5", out})...)
	require.NoError(t, err, complaint)
	return hashesIn(t, out)
}

// requireRun fails unless got stands in all, without a hole, and has at least least items.
func requireRun(t *testing.T, got, all []string, least int) {
	t.Helper()
	require.GreaterOrEqual(t, len(got), least)
	at := slices.Index(all, got[0])
	require.GreaterOrEqual(t, at, 0, "the first frame is not of the recording")
	require.LessOrEqual(t, at+len(got), len(all))
	require.Equal(t, all[at:at+len(got)], got)
}

// requireOrder fails unless got has frames of all, in their order.
func requireOrder(t *testing.T, got, all []string) {
	t.Helper()
	require.NotEmpty(t, got)
	for _, frame := range got {
		at := slices.Index(all, frame)
		require.GreaterOrEqual(t, at, 0, "a frame that the recording does not have, or has before")
		all = all[at+1:]
	}
}

// readers returns the connections that read by RTSP.
func (r *recorder) readers() (ids []string) {
	r.t.Helper()
	for _, c := range answer[struct{ Connections []struct{ ID, State string } }](r, "GET", "/mp4/connections?protocol=rtsp").Connections {
		if c.State == "reading" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// A stream is played by RTSP while it is recorded: each picture and each frame of sound is that of the recording.
func TestALiveStreamIsPlayedByRTSP(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"h264": x264Clip(t), "h265": x265Clip(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, "")
			const stream = "live/shown"
			r.start(stream, "?wait=true")
			p := publish(t, source, r.rtsp+"/"+stream, "tcp", "-re")
			eventually(t, "the stream is live", func() bool { return r.stream(stream).State == "live" })
			ff := r.ffplays(stream, "tcp")
			depay, parse := map[string]string{"h264": "rtph264depay", "h265": "rtph265depay"}[name], name+"parse"
			gst := r.player("gst-launch-1.0", strings.Fields("-q rtspsrc location="+r.rtsp+"/"+stream+" protocols=tcp name=s s. ! application/x-rtp,media=video ! "+
				depay+" ! "+parse+" ! video/x-"+name+",stream-format=byte-stream,alignment=au ! filesink location=v")...)
			eventually(t, "both read", func() bool { return len(r.readers()) == 2 })
			p.finish()
			r.stop(stream)
			file := r.path(r.awaitRecords(stream, 1)[0].File)
			sound := framemd5(t, file, "-map", "0:a", "-c", "copy")
			eventually(t, "ffmpeg has the last frame of sound", func() bool {
				text, err := os.ReadFile(ff.sound)
				return err == nil && strings.Contains(string(text), sound[len(sound)-1])
			})
			for _, id := range r.readers() {
				code, text := r.ask("DELETE", "/mp4/connections/"+id)
				require.Equal(t, http.StatusOK, code, "%s", text)
			}
			<-ff.done
			<-gst.done
			pictures := framemd5(t, file, "-map", "0:v")
			requireRun(t, hashesIn(t, ff.sound), sound, 20)
			requireRun(t, hashesIn(t, ff.pictures), pictures, 25)
			requireRun(t, framemd5(t, gst.pictures), pictures, 25)
			require.Empty(t, r.stream(stream).Drops)
		})
	}
}
