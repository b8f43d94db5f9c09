package record

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Command implements spool record.
type Command struct {
	Source      string        `arg:"" name:"url" help:"What to record: the URL of a camera, an encoder or a server, such as rtsp://HOST/PATH."`
	Out         string        `short:"o" name:"out" placeholder:"FILE" help:"MP4 file to write. It must not exist. With {date} {time} {ms} {seq} or the like: the names of several files. The default is {stream}_{date}_{time}.mp4."`
	Duration    time.Duration `short:"d" placeholder:"10m" help:"How long to record, from the first picture on; else until the source ends or Ctrl-C."`
	Segment     time.Duration `placeholder:"15m" help:"Longest file: a new one begins at the next key frame."`
	Fragment    bool          `help:"Write fragmented MP4 with an index instead of ordinary MP4 with the moov first."`
	Wait        time.Duration `default:"10s" help:"How long to wait for a source that is not there, or that is lost. The file goes on if it returns with the same tracks."`
	Transport   string        `placeholder:"tcp" enum:",tcp,udp" default:"" help:"Transport of the media in RTSP: tcp or udp; else tcp, and udp if the source refuses tcp."`
	Fingerprint string        `placeholder:"HEX" help:"SHA-256 of the only accepted certificate, for a self-signed one."`
}

// Env holds the outputs of the command, and its log.
type Env struct {
	Stdout, Stderr io.Writer
	Log            *slog.Logger
}

// ErrUsage is an error of the command line. Nothing was recorded.
type ErrUsage struct{ error }

// Unwrap returns the reason.
func (e ErrUsage) Unwrap() error { return e.error }

// errStopped is the error after a second signal.
var errStopped = errors.New("stopped by a second signal: the file is left growing; spool repair finishes it")

// Run records until the source ends, the duration has passed, or SIGINT or SIGTERM arrives. The files are then finished.
// It returns an error if the source was never reached or was lost, and after a second signal, which leaves the file
// unfinished.
func (c *Command) Run(e Env) error {
	if err := c.check(); err != nil {
		return ErrUsage{err}
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	r, err := c.open(e.Log)
	if err != nil {
		return ErrUsage{err}
	}
	defer r.close()
	if err := r.start(c.Duration); err != nil {
		return err
	}
	return c.watch(r, newLine(e.Stderr), e.Stdout, signals)
}

func (c *Command) check() error {
	switch {
	case c.Duration < 0, c.Segment < 0, c.Wait < 0:
		return errors.New("--duration, --segment and --wait must not be negative")
	case c.single():
		if _, err := os.Lstat(c.Out); err == nil {
			return errors.New(c.Out + " exists already: record replaces no file, so choose another name")
		}
		if _, err := os.Lstat(c.Out + media.PartSuffix); err == nil {
			return errors.New(c.Out + media.PartSuffix + " exists already: it grows, or was cut off, and spool repair finishes it")
		}
	}
	return nil
}

// watchEvery is the time between two looks at the recording.
const watchEvery = 100 * time.Millisecond

// watch shows the progress of a recording until it has ended, and prints its files.
func (c *Command) watch(r *recording, line *line, out io.Writer, signals <-chan os.Signal) error {
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	defer line.end()
	var stopped time.Time // when the recording was told to end; zero: not yet
	var lost error
	for {
		select {
		case <-signals:
			switch {
			case stopped.IsZero():
				stopped = time.Now()
				r.stop(endcause.Stop)
			case time.Since(stopped) > sameSignal:
				return errStopped
			}
		case now := <-look.C:
			ended := r.ended() // before the last look
			r.look()
			if ended {
				line.end()
				return r.summary(out, lost)
			}
			line.show(now, &r.seen)
			if away := r.awayFor(now); away > c.Wait && stopped.IsZero() {
				stopped, lost = now, r.whyAway()
				r.stop(endcause.SourceLost)
			}
		}
	}
}

// sameSignal is the time within which a second signal is the first one again: some programs send it to the process and to
// its group.
const sameSignal = 500 * time.Millisecond

// stopTime bounds the time in which the files are finished.
const stopTime = time.Minute

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
