package remux

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gospool/spool/cmd/spool/newfile"
	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Command implements spool remux.
type Command struct {
	In       string `arg:"" help:"MP4 or MPEG-TS file to read, or HLS playlist of files, by its content: ordinary or fragmented, finished or cut off in its last fragment or packet."`
	Out      string `arg:"" help:"File to write: MPEG-TS if its name ends in .ts, .m2ts or .mts, and MP4 otherwise. It must not exist."`
	Fragment bool   `help:"Write fragmented MP4 with an index instead of ordinary MP4 with the moov first."`
}

// Env holds the outputs of the command, and its log.
type Env struct {
	Stdout, Stderr io.Writer
	Log            *slog.Logger
}

// ErrUsage is an error of the command line. Nothing was written.
type ErrUsage struct{ error }

// Unwrap returns the reason.
func (e ErrUsage) Unwrap() error { return e.error }

// Run copies the tracks of the input file to the output file through a pipeline like that of a recording. It
// writes the output in a temporary directory beside it, and moves it to its name when it is complete. It
// refuses an output file that exists. Like cp, it does not sync the output to the disk.
func (c *Command) Run(e Env) error {
	if _, err := os.Lstat(c.Out); err == nil {
		return ErrUsage{fmt.Errorf("%s exists already: remux replaces no file, so choose another name", c.Out)}
	}
	if c.Fragment && isTransportStream(c.Out) {
		return ErrUsage{fmt.Errorf("--fragment writes MP4, and %s is to be MPEG-TS: leave out --fragment, or let the name end in .mp4", c.Out)}
	}
	if strings.EqualFold(filepath.Ext(c.Out), ".m3u8") {
		return ErrUsage{fmt.Errorf("%s: remux writes no playlists: let the name end in .mp4 or .ts", c.Out)}
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.Out), ".spool-remux-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pool := media.NewPool(64 << 20)
	plan, total, err := c.plan(dir)
	if err != nil {
		return err
	}
	// With one processor, a chunk is written by the core that has read it, from its cache. That needs a
	// tenth less CPU time and no more time.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bar := progress.New(e.Stderr, "remux, KiB")
	report, err := convert(plan, pool, e.Log, func() { bar.At(int(min(sizeOf(dir), total)>>10), int(total>>10)) })
	bar.End()
	if err != nil {
		return err
	}
	for _, d := range report.Drops {
		fmt.Fprintf(e.Stderr, "left out: %s (%s)\n", count(int(d.AccessUnits), countedBy(d.Cause)), d.Cause)
	}
	switch {
	case report.Finish.File == "":
		return fmt.Errorf("%s has no key frame: there is nothing to write", c.In)
	case report.Segments > 1:
		return fmt.Errorf("the tracks of %s change, and one MP4 file cannot have both: let the output be .ts, or write a file for each part "+
			"with spool record 'file:%s?speed=max' -o 'part_{seq}.mp4'", c.In, c.In)
	}
	if err := newfile.Move(filepath.Join(dir, report.Finish.File), c.Out); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %s, %d bytes, %d of them to finish the file\n",
		c.Out, count(int(report.AccessUnits), "access unit"), report.Finish.FileBytes, report.Finish.BytesWritten)
	return incomplete(report.Drops)
}

// incomplete returns an error if segments of a playlist are missing in the output.
func incomplete(drops []pipeline.Drop) error {
	for _, d := range drops {
		if d.Cause == media.DropHLSLoss && d.AccessUnits > 0 {
			return fmt.Errorf("the output is incomplete: %s of the playlist could not be read", count(int(d.AccessUnits), "segment"))
		}
	}
	return nil
}

// countedBy returns the noun for one of the things that a cause of drops counts.
func countedBy(cause string) string {
	i := slices.IndexFunc(media.DropCauses, func(c media.DropCause) bool { return c.Word == cause })
	if i < 0 {
		return "access unit"
	}
	return strings.TrimSuffix(media.DropCauses[i].Counts, "s")
}

// count returns a number with a noun.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
