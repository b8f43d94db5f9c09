package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/cmd/spool/newfile"
	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/configs"
)

// Command implements spool export.
type Command struct {
	Stream    []string `required:"" sep:"none" placeholder:"PATH" help:"Stream to export. May be repeated: several streams are exported to a zip archive with a player."`
	Start     string   `required:"" placeholder:"TIME" help:"Begin of the span: RFC 3339, such as 2026-01-31T08:00:00Z, or Unix seconds."`
	End       string   `required:"" placeholder:"TIME" help:"End of the span, likewise."`
	Output    string   `short:"o" default:"." placeholder:"DIR" help:"Directory for the files. It must exist; no file in it is replaced."`
	Name      string   `placeholder:"NAME" help:"Name of the files, without the extension; else made of the stream and the start."`
	Format    string   `placeholder:"FORMAT" help:"Format of the media: mp4, the default, fmp4 for fragments, or ts for MPEG-TS."`
	Gaps      string   `enum:"keep,cut" default:"keep" placeholder:"HOW" help:"keep: the last picture before a gap lasts until its end; cut: footage after a gap follows at once."`
	API       string   `name:"api" placeholder:"URL" help:"Ask the recorder at this URL, such as http://127.0.0.1:8080. Without it, read the record directory and the catalogue of the configuration."`
	TokenFile string   `placeholder:"FILE" help:"File with the token for the recorder (spool token --role control), with --api."`
}

// Env holds what the commands need of the program.
type Env struct {
	Load           func() (*configs.Config, error)
	Version        string
	Stdout, Stderr io.Writer
}

var errInterrupted = errors.New("interrupted: nothing was written")

// Run exports the footage. It writes to a temporary directory in the output directory, and gives the files their names
// when all are complete. After an interrupt it leaves none.
func (c *Command) Run(e Env) error {
	signals, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancelCause(signals)
	defer cancel(nil)
	defer context.AfterFunc(signals, func() { cancel(errInterrupted) })()
	request, err := c.request()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(c.Output, ".spool-export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bar := progress.New(e.Stderr, "export, KiB")
	show := func(done, all int64) { bar.At(int(done>>10), int(max(all>>10, 1))) }
	var files []bundle.Written
	if c.API != "" {
		files, err = c.byAPI(ctx, request, dir, show)
	} else {
		files, err = c.direct(ctx, e, request, dir, show)
	}
	bar.End()
	if signals.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	return c.publish(e.Stdout, dir, files)
}

// request returns the request of the command line, which Request.Check has not checked yet.
func (c *Command) request() (bundle.Request, error) {
	r := bundle.Request{Name: c.Name, Streams: c.Stream, Format: c.Format, Gaps: bundle.Gaps(c.Gaps)}
	var err error
	if r.Start, err = params.ParseTime(c.Start); err != nil {
		return r, fmt.Errorf("--start: %w", err)
	}
	if r.End, err = params.ParseTime(c.End); err != nil {
		return r, fmt.Errorf("--end: %w", err)
	}
	return r, nil
}

// publish gives the files in dir their names in the output directory, and prints them. It replaces no file.
func (c *Command) publish(out io.Writer, dir string, files []bundle.Written) error {
	for i, f := range files {
		to := filepath.Join(c.Output, f.Name)
		err := newfile.Move(filepath.Join(dir, f.Name), to)
		if errors.Is(err, os.ErrExist) {
			err = fmt.Errorf("%s exists already: export replaces no file, so choose another --name", to)
		}
		if err != nil {
			for _, done := range files[:i] {
				err = errors.Join(err, os.Remove(filepath.Join(c.Output, done.Name)))
			}
			return err
		}
	}
	for _, f := range files {
		fmt.Fprintf(out, "%s: %d bytes, SHA-256 %s\n", filepath.Join(c.Output, f.Name), f.SizeBytes, f.SHA256)
	}
	return nil
}

// files is a bundle.Target that makes files in a directory.
type files string

// Create implements bundle.Target.
func (d files) Create(name string) (io.WriteCloser, error) {
	return os.OpenFile(filepath.Join(string(d), name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
}

// poll is the time between two questions for the progress of an export.
const poll = 200 * time.Millisecond
