package probe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/stages/ingest/file"
)

// Command implements spool probe.
type Command struct {
	Source      string        `arg:"" name:"file-or-url" help:"MP4 file, finished, growing or left by a crash; or URL of a live stream, such as rtsp://HOST/PATH."`
	JSON        bool          `name:"json" help:"Print one JSON object."`
	Duration    time.Duration `placeholder:"5s" help:"How long a live stream is watched; else 5s, and up to 30s until two GOPs are complete."`
	Transport   string        `placeholder:"tcp" help:"Transport of a live stream's media: tcp or udp; else tcp, and udp if the server refuses tcp."`
	Fingerprint string        `placeholder:"HEX" help:"SHA-256 of the only accepted certificate of a live stream, for a self-signed one."`
}

// Streams are the outputs of the command.
type Streams struct{ Stdout, Stderr io.Writer }

// ErrFaults reports that the source was read, and that its times have faults.
type ErrFaults struct{}

// FaultsFound is the exit code of the command if the times have faults.
const FaultsFound = 3

// Error returns a text for users.
func (ErrFaults) Error() string { return "the times have faults" }

// ExitCode returns FaultsFound.
func (ErrFaults) ExitCode() int { return FaultsFound }

// ErrDuration is an error of the command line.
var ErrDuration = errors.New("--duration must be more than 0, and is for live streams only")

// Run prints the report of the source. It returns ErrFaults if the times have faults, and another error if the source
// cannot be read. After an interrupt it reports what it has seen of a live stream, and returns an error for a file.
func (c *Command) Run(s Streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	report, err := c.probe(ctx, s.Stderr)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(s.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.writeTable(s.Stdout)
	}
	if err == nil && len(report.Faults) > 0 {
		return ErrFaults{}
	}
	return err
}

func (c *Command) probe(ctx context.Context, stderr io.Writer) (*Report, error) {
	if c.Duration < 0 {
		return nil, ErrDuration
	}
	path, local, err := localPath(c.Source)
	switch {
	case err != nil:
		return nil, err
	case !local:
		return c.watch(ctx)
	case c.Duration != 0:
		return nil, ErrDuration
	}
	return readFile(ctx, path, stderr)
}

// localPath returns the path of a file that a source names, as a path or as a file URL. local is false for another URL.
func localPath(source string) (path string, local bool, err error) {
	scheme, rest, found := strings.Cut(source, ":")
	switch {
	case found && scheme == "file":
		u, err := url.Parse(source)
		if err != nil {
			return "", false, errors.New("the file URL cannot be read: write % in the path as %25")
		}
		cfg, err := file.Parse(u)
		return cfg.Path, true, err
	case found && strings.HasPrefix(rest, "//") && !strings.Contains(scheme, "/"):
		return "", false, nil
	case source == "":
		return "", false, errors.New("the name of the file is empty")
	}
	return source, true, nil
}
