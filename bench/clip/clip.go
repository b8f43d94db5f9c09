package clip

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Clip is a piece of H.264 video without B-frames. It begins with an IDR picture.
type Clip struct {
	FPS      int    // pictures a second
	SPS, PPS []byte // parameter sets
	Units    []Unit // access units in decoding order
}

// Unit is the access unit of one picture.
type Unit struct {
	NALs [][]byte // NAL units without start codes
	IDR  bool     // the picture is an IDR picture
}

// Bytes returns the size of the unit's NAL units.
func (u *Unit) Bytes() int {
	n := 0
	for _, nal := range u.NALs {
		n += len(nal)
	}
	return n
}

// Bytes returns the size of all NAL units of the clip.
func (c *Clip) Bytes() int {
	n := 0
	for i := range c.Units {
		n += c.Units[i].Bytes()
	}
	return n
}

// Bitrate returns the actual bitrate of the clip, in bit/s.
func (c *Clip) Bitrate() int {
	return c.Bytes() * 8 * c.FPS / max(len(c.Units), 1)
}

// GOP returns the number of access units from the first IDR picture to the second, or of all if there is no second.
func (c *Clip) GOP() int {
	for i := 1; i < len(c.Units); i++ {
		if c.Units[i].IDR {
			return i
		}
	}
	return len(c.Units)
}

// Spec describes a clip to make. A zero field has a default.
type Spec struct {
	Size    string // width and height in pixels; default 1280x720
	FPS     int    // pictures a second; default 25
	Seconds int    // length; default 10
	GOP     int    // pictures from one IDR picture to the next; default 50
	Bitrate int    // bit/s; default 4,000,000
}

func (s Spec) withDefaults() Spec {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	if s.Size == "" {
		s.Size = "1280x720"
	}
	def(&s.FPS, 25)
	def(&s.Seconds, 10)
	def(&s.GOP, 50)
	def(&s.Bitrate, 4e6)
	return s
}

// Make codes a clip with ffmpeg: a moving picture under noise, which reaches the bitrate without filler. It stores the
// coded stream in dir. If an earlier call with the same spec and dir has stored it, Make reads it and codes nothing. Calls
// with one dir may run at the same time.
func Make(ctx context.Context, dir string, spec Spec) (*Clip, error) {
	spec = spec.withDefaults()
	path := filepath.Join(dir, spec.FileName())
	if _, err := os.Stat(path); err != nil {
		if err := encode(ctx, path, spec); err != nil {
			return nil, err
		}
	}
	return Read(path, spec.FPS)
}

// FileName returns the name of the file in which Make stores the clip.
func (s Spec) FileName() string {
	s = s.withDefaults()
	return fmt.Sprintf("clip-%s-%dfps-%ds-gop%d-%d.h264", s.Size, s.FPS, s.Seconds, s.GOP, s.Bitrate)
}

func encode(ctx context.Context, path string, spec Spec) error {
	rate := strconv.Itoa(spec.Bitrate)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return fmt.Errorf("make clip: %w", err)
	}
	part := f.Name()
	defer func() { _ = os.Remove(part) }() // after a failure
	if err := f.Close(); err != nil {
		return fmt.Errorf("make clip: %w", err)
	}
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-y", "-f", "lavfi",
		"-i", fmt.Sprintf("testsrc2=size=%s:rate=%d,noise=alls=24:allf=t", spec.Size, spec.FPS),
		"-t", strconv.Itoa(spec.Seconds), "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
		"-g", strconv.Itoa(spec.GOP), "-x264-params", "scenecut=0:aud=1:repeat-headers=1", "-f", "h264", part)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make clip: ffmpeg: %w: %s", err, bytes.TrimSpace(out))
	}
	return os.Rename(part, path)
}

// Read reads a clip from an Annex B file, which must have no B-frames. fps is the clip's FPS. See Parse.
func Read(path string, fps int) (*Clip, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("clip %s: %w", path, err)
	}
	c.FPS = fps
	return c, nil
}
