package players

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// player is a program that plays files.
type player struct {
	Name     string
	program  string
	packages string // of Debian
	// play plays the files and sets Whole, Middle and Reason of each. An error ends the measurement: a file that does not
	// play is no error.
	play func(ctx context.Context, dir string, files []*file) error
}

// file is a recording, to be played by one player.
type file struct {
	path string
	*Played
}

// all has a row for each player, in the order of the table.
var all = []player{
	{"ffmpeg", "ffmpeg", "ffmpeg", oneByOne(ffmpeg)},
	{"GStreamer", "gst-play-1.0", "gstreamer1.0-plugins-base-apps, gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad and gstreamer1.0-libav", oneByOne(gstreamer)},
	{"Chromium", "chromium", "chromium", chromium.play},
	{"Firefox", "firefox-esr", "firefox-esr", firefox.play},
	{"VLC", "cvlc", "vlc", oneByOne(vlc)},
	{"mpv", "mpv", "mpv", oneByOne(mpv)},
}

// Names returns the names of the players.
func Names() (names []string) {
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}

// oneByOne returns a play function of a program that plays one file from a position in s. The program writes decoded
// media in dir, an empty directory.
func oneByOne(play func(ctx context.Context, path, dir string, from int) (Decoded, error)) func(context.Context, string, []*file) error {
	return func(ctx context.Context, dir string, files []*file) error {
		for _, f := range files {
			for from, d := range map[int]*Decoded{0: &f.Whole, middle: &f.Middle} {
				work, err := openDir(dir)
				if err != nil {
					return err
				}
				*d, err = play(ctx, f.path, work, from)
				if err != nil && f.Reason == "" {
					f.Reason = err.Error()
				}
				if err := os.RemoveAll(work); err != nil {
					return err
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
			}
		}
		return nil
	}
}

// openDir makes a directory below dir in which every user may write: VLC refuses to run as root.
func openDir(dir string) (string, error) {
	work, err := os.MkdirTemp(dir, "player-")
	if err != nil {
		return "", err
	}
	return work, os.Chmod(work, 0o777)
}

// ffmpeg decodes with -vsync passthrough: else it makes up pictures of its own where the source has none.
func ffmpeg(ctx context.Context, path, dir string, from int) (Decoded, error) {
	_, failed := execute(ctx, "", "ffmpeg", "-nostdin", "-v", "error", "-ss", fmt.Sprint(from), "-i", path,
		"-map", "0:v?", "-vsync", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", filepath.Join(dir, picturesName),
		"-map", "0:a?", "-ac", "1", "-ar", fmt.Sprint(soundRate), "-f", "s16le", filepath.Join(dir, soundName))
	return decodedIn(dir, failed)
}

func gstreamer(ctx context.Context, path, dir string, from int) (Decoded, error) {
	_, failed := execute(ctx, "", "gst-play-1.0", "--quiet", "--no-interactive", "-s", fmt.Sprint(from),
		"--videosink=videoconvert ! video/x-raw,format=GRAY8 ! filesink location="+filepath.Join(dir, picturesName),
		fmt.Sprintf("--audiosink=audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate=%d ! filesink location=%s",
			soundRate, filepath.Join(dir, soundName)), path)
	return decodedIn(dir, failed)
}

// vlc plays in real time. It writes each picture as a file of its own, and the sound as a WAV file, which ffmpeg gives
// the rate of the other players.
func vlc(ctx context.Context, path, dir string, from int) (Decoded, error) {
	heard := filepath.Join(dir, "sound.wav")
	command := unprivileged("cvlc", "-I", "dummy", "--no-drop-late-frames", "--no-skip-frames", "--vout=dummy",
		"--video-filter=scene", "--scene-ratio=1", "--scene-format=jpg", "--scene-prefix=p", "--scene-path="+dir,
		"--aout=afile", "--audiofile-file="+heard, "--audiofile-format=s16", "--audiofile-channels=1",
		path, fmt.Sprintf(":start-time=%d", from), "vlc://quit")
	_, failed := execute(ctx, dir, command[0], command[1:]...)
	if _, err := os.Stat(heard); err == nil {
		if _, err := execute(ctx, "", "ffmpeg", "-nostdin", "-v", "error", "-i", heard,
			"-ac", "1", "-ar", fmt.Sprint(soundRate), "-f", "s16le", filepath.Join(dir, soundName)); err != nil && failed == nil {
			failed = err
		}
	}
	return decodedIn(dir, failed)
}

// mpv writes each picture as a file of its own.
func mpv(ctx context.Context, path, dir string, from int) (Decoded, error) {
	_, failed := execute(ctx, "", "mpv", "--no-config", "--really-quiet", fmt.Sprintf("--start=%d", from), "--untimed", "--framedrop=no",
		"--vo=image", "--vo-image-format=jpg", "--vo-image-outdir="+dir, "--ao=pcm", "--ao-pcm-waveheader=no", "--ao-pcm-file="+filepath.Join(dir, soundName),
		"--audio-channels=mono", "--audio-format=s16", fmt.Sprintf("--audio-samplerate=%d", soundRate), path)
	return decodedIn(dir, failed)
}

// decodedIn counts the media that a player wrote in a directory. failed is the error of the player.
func decodedIn(dir string, failed error) (Decoded, error) {
	d, err := written(dir)
	if failed != nil {
		err = failed
	}
	return d, err
}

// unprivileged returns a command that runs as another user if this program runs as root on Linux. VLC refuses to run as
// root, even to print its version.
func unprivileged(command ...string) []string {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return command
	}
	return append([]string{"setpriv", "--reuid=65534", "--clear-groups"}, command...)
}
