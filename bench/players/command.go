package players

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// patience bounds the time that a program may take for one file. The files last seconds.
const patience = time.Minute

// execute runs a program until it ends and returns its output. home, unless empty, becomes its home directory. The
// error has the first line of the error output.
func execute(ctx context.Context, home, program string, args ...string) (string, error) {
	ctx, stop := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it did not end within %v", patience))
	defer stop()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &errs, time.Second
	if home != "" {
		cmd.Env = append(os.Environ(), "HOME="+home)
	}
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n"); line != "" {
		err = fmt.Errorf("%w: %s", err, line)
	}
	return out.String(), fmt.Errorf("%s: %w", program, err)
}

// installed reports that a player is missing, and the Debian packages that have it.
func (p *player) installed() error {
	if _, err := exec.LookPath(p.program); err == nil || !errors.Is(err, exec.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%s (%s) is not installed: install the Debian packages %s, or leave the player out with --players", p.Name, p.program, p.packages)
}
