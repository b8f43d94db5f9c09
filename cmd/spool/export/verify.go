package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/api/export/verify"
	"github.com/gospool/spool/cmd/spool/progress"
)

// VerifyCommand implements spool verify.
type VerifyCommand struct {
	Path string `arg:"" name:"path" help:"Archive, file or manifest of an export, or a directory with exports."`
	Key  string `placeholder:"PUBLIC" help:"The recorder's public key: as GET /mp4/export has it, or the name of a file with it. Without it, any key may have signed."`
}

// DiffersError reports that an export was changed. Its differences are printed already.
type DiffersError struct{}

// DifferencesFound is the exit code of spool verify if an export was changed.
const DifferencesFound = 3

// Error returns a text for users.
func (DiffersError) Error() string { return "the export was changed" }

// ExitCode returns DifferencesFound.
func (DiffersError) ExitCode() int { return DifferencesFound }

// Run checks the files of an export and their signature, and prints each difference. It returns DiffersError if there is any,
// and another error if nothing could be checked.
func (c *VerifyCommand) Run(e Env) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	key, err := c.key()
	if err != nil {
		return err
	}
	bar := progress.New(e.Stderr, "verify, KiB")
	reports, err := verify.Path(ctx, c.Path, verify.Options{Key: key, Progress: func(done, all int64) { bar.At(int(done>>10), int(max(all>>10, 1))) }})
	bar.End()
	if err != nil {
		return err
	}
	for i := range reports {
		if !show(e.Stdout, &reports[i], key != nil) {
			err = DiffersError{}
		}
	}
	return err
}

// show prints a report, and returns whether the export is unchanged.
func show(out io.Writer, r *verify.Report, known bool) bool {
	for _, d := range r.Differences {
		fmt.Fprintf(out, "%s: %s\n", r.Path, d)
	}
	if len(r.Differences) > 0 {
		return false
	}
	m := r.Manifest
	fmt.Fprintf(out, "%s: unchanged: %d of %d files, %d bytes, made by recorder %s with spool %s\n",
		r.Path, r.Files, len(m.Files), r.Bytes, strconv.QuoteToGraphic(m.Recorder.Name), strconv.QuoteToGraphic(m.Recorder.Version))
	if known {
		fmt.Fprintf(out, "%s: signed by the given key %s\n", r.Path, m.Key.ID)
	} else {
		fmt.Fprintf(out, "%s: signed by the key %s: give the recorder's key with --key, to know that no one else has made it\n", r.Path, m.Key.ID)
	}
	return true
}

// maxKeyBytes bounds a file with a public key.
const maxKeyBytes = 4 << 10

// key returns the key of the command line; nil without one.
func (c *VerifyCommand) key() (manifest.PublicKey, error) {
	if c.Key == "" {
		return nil, nil
	}
	text := c.Key
	f, err := os.Open(c.Key)
	if err == nil {
		defer f.Close()
		read, err := io.ReadAll(io.LimitReader(f, maxKeyBytes))
		if err != nil {
			return nil, err
		}
		text = string(read)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key, err := manifest.ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("--key: %w", err)
	}
	return key, nil
}
