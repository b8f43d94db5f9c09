package still

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// The bounds of decoding.
const (
	decodeTime   = 10 * time.Second // for one picture, with the wait for its turn
	decodeWait   = 32               // pictures that are decoded or wait for it at once
	maxJPEGBytes = 16 << 20
	maxPixels    = 1 << 27 // of a picture; 8K has a quarter of them
	maxAlloc     = 1 << 30 // bytes of one allocation in ffmpeg
)

// Decoder makes JPEGs by ffmpeg. It is safe for concurrent use.
type Decoder struct {
	command string
	waiting chan struct{} // semaphore of the pictures that are decoded or wait for it
	running chan struct{} // semaphore of the running programs
}

// NewDecoder returns a Decoder that runs command, a program's path or its name in PATH; empty: ffmpeg.
// At most atOnce of them run at once. The program need not exist.
func NewDecoder(command string, atOnce int) *Decoder {
	return &Decoder{cmp.Or(command, "ffmpeg"), make(chan struct{}, decodeWait), make(chan struct{}, max(atOnce, 1))}
}

// NotInstalledError reports that the program that decodes pictures is not installed.
type NotInstalledError struct{ Command string }

// Error returns the name of the program and what to do.
func (e *NotInstalledError) Error() string {
	return fmt.Sprintf("a JPEG needs %s, which is not installed on the recorder: install ffmpeg, or request format=mp4", e.Command)
}

// ErrOverloaded reports that a picture was not decoded in time because of too many others.
var ErrOverloaded = errors.New("too many pictures are being decoded")

// DecodeError reports that the program did not decode a picture.
type DecodeError struct {
	Err    error
	Output string // the beginning of its error output
}

// Error returns the reason.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("decode the picture: %v: %s", e.Err, e.Output)
}

// Unwrap returns the error of the program.
func (e *DecodeError) Unwrap() error { return e.Err }

// find returns the path of the program, or a *NotInstalledError.
func (d *Decoder) find() (string, error) {
	path, err := exec.LookPath(d.command)
	if err != nil {
		return "", &NotInstalledError{d.command}
	}
	return path, nil
}

// JPEG decodes the first picture of an MP4 file whose moov comes first. With a width, in pixels, it scales the picture to that
// width. It waits for its turn. The error is a *NotInstalledError, ErrOverloaded, a *DecodeError, or that of ctx.
func (d *Decoder) JPEG(ctx context.Context, mp4 io.Reader, width int) ([]byte, error) {
	path, err := d.find()
	if err != nil {
		return nil, err
	}
	select {
	case d.waiting <- struct{}{}:
		defer func() { <-d.waiting }()
	default:
		return nil, ErrOverloaded
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, decodeTime)
	defer cancel()
	select {
	case d.running <- struct{}{}:
		defer func() { <-d.running }()
	case <-ctx.Done():
		return nil, cmp.Or(caller.Err(), ErrOverloaded)
	}
	out, err := decode(ctx, path, mp4, width)
	if caller.Err() != nil {
		return nil, caller.Err()
	}
	return out, err
}

// decode runs the program. It reads nothing but mp4, and writes nothing but the JPEG.
func decode(ctx context.Context, path string, mp4 io.Reader, width int) ([]byte, error) {
	args := []string{
		"-v", "error", "-nostdin", "-threads", "1", "-max_alloc", strconv.Itoa(maxAlloc), "-max_pixels", strconv.Itoa(maxPixels),
		"-protocol_whitelist", "pipe", "-f", "mov", "-i", "pipe:0", "-map", "0:v:0", "-frames:v", "1",
	}
	if width > 0 {
		args = append(args, "-vf", fmt.Sprintf("scale=%d:-2", width))
	}
	args = append(args, "-threads", "1", "-q:v", "3", "-f", "image2pipe", "pipe:1") // image2pipe makes JPEGs
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = os.TempDir()
	cmd.Env = environment()
	cmd.WaitDelay = time.Second
	out, complaint := &bounded{most: maxJPEGBytes, full: errTooLarge}, &bounded{most: 1024}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = mp4, out, complaint
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("it took longer than %v", decodeTime)
	case out.exceeded:
		err = errTooLarge
	case err == nil && !bytes.HasPrefix(out.b, []byte("\xff\xd8\xff")): // SOI, and the next marker: ITU-T T.81, B.2
		err = errors.New("its output is no JPEG")
	}
	if err != nil {
		return nil, &DecodeError{err, string(complaint.b)}
	}
	return out.b, nil
}

// environment returns those variables of spool's environment that every program may need: no others, which may be secrets.
func environment() (out []string) {
	for _, name := range [...]string{"PATH", "HOME", "LANG", "TZ", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	return out
}

var errTooLarge = fmt.Errorf("the JPEG has more than %d bytes", maxJPEGBytes)

// bounded is an io.Writer that keeps the first bytes.
type bounded struct {
	b        []byte
	most     int
	full     error // returned for bytes beyond most; nil: these are discarded
	exceeded bool
}

// Write keeps p, as far as there is room.
func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.most-len(b.b))
	b.b = append(b.b, p[:n]...)
	if n < len(p) {
		b.exceeded = true
		if b.full != nil {
			return n, b.full
		}
	}
	return len(p), nil
}
