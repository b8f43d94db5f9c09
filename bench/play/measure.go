package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/yardstick"
)

// Measure records a span, and measures how it is played. It removes the files that it makes.
func Measure(ctx context.Context, o Options) (r *Report, err error) {
	o, err = o.checked()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "spool-play-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	r = &Report{Machine: yardstick.Machine(dir), SpanSeconds: o.Span.Seconds(), Files: o.Files, Bitrate: o.Bitrate, FPS: o.FPS, Runs: o.Runs}
	nginx, err := exec.LookPath(o.Nginx)
	if err != nil {
		r.WithoutNginx = fmt.Sprintf("nginx is not installed (Debian and Ubuntu: apt-get install nginx-core), so nothing is compared with it: %v", err)
	}
	done, steps := 0, o.Files+o.Runs*len(o.Formats)*len(o.Viewers)
	step := func() { done++; o.Progress(done, steps) }
	f, err := record(ctx, dir, &o, step)
	if err != nil {
		return nil, err
	}
	b := &bench{o: &o, f: f, r: r, nginx: nginx}
	if nginx != "" {
		if err := b.copies(ctx); err != nil {
			return nil, err
		}
	}
	for n := range o.Runs {
		for _, format := range o.Formats {
			for _, viewers := range o.Viewers {
				if err := b.round(ctx, n, format, viewers); err != nil {
					return r, err
				}
				step()
			}
		}
	}
	return r, nil
}

// bench is a measurement.
type bench struct {
	o     *Options
	f     *footage
	r     *Report
	nginx string // path of the program; empty: it is not installed
}

// copies makes the files that nginx serves.
func (b *bench) copies(ctx context.Context) (err error) {
	if err := os.MkdirAll(filepath.Join(b.f.nginxDir(), "root"), 0o755); err != nil {
		return err
	}
	s, err := b.startSpool(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop(ctx)) }()
	for _, format := range b.o.Formats {
		if err := b.f.copyFrom(ctx, s.base, format); err != nil {
			return err
		}
	}
	return nil
}

// startSpool starts spool, and waits until it lists recordings.
func (b *bench) startSpool(ctx context.Context) (*server, error) {
	address, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	if err := b.f.configure(address); err != nil {
		return nil, err
	}
	return serve(ctx, "spool", []string{b.o.Spool, "serve", "-c", b.f.config}, address, "/mp4/records?limit=1", func(r *http.Response) bool {
		text, err := io.ReadAll(r.Body)
		return err == nil && bytes.Contains(text, []byte(filePrefix))
	})
}

// round measures a format with each server in each state. Every other round begins with nginx.
func (b *bench) round(ctx context.Context, n int, format string, viewers int) error {
	type contender struct {
		name, path string
		start      func(context.Context) (*server, error)
	}
	contenders := []contender{{"spool", b.f.path(format), b.startSpool}}
	if b.nginx != "" {
		contenders = append(contenders, contender{"nginx", b.f.nginxPath(format), func(ctx context.Context) (*server, error) { return b.f.startNginx(ctx, b.nginx) }})
	}
	if n%2 == 1 {
		slices.Reverse(contenders)
	}
	costs := map[string]map[string]cost{}
	for _, c := range contenders {
		by, err := b.states(ctx, c.start, c.path, format, viewers)
		if err != nil {
			return err
		}
		costs[c.name] = by
	}
	for _, state := range States {
		own, has := costs["spool"][state]
		if !has {
			continue
		}
		other, compared := costs["nginx"][state]
		if compared && own.bytes != other.bytes {
			return fmt.Errorf("%s, %s: spool has sent %d bytes, nginx %d", format, state, own.bytes, other.bytes)
		}
		b.r.add(format, state, viewers, own, other, compared)
	}
	return nil
}

// states measures a server in each state. Where no pages can be dropped from memory, cold is left out.
func (b *bench) states(ctx context.Context, start func(context.Context) (*server, error), path, format string, viewers int) (map[string]cost, error) {
	out := map[string]cost{}
	run := func(states ...string) (err error) {
		s, err := start(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.stop(ctx)) }()
		for _, state := range states {
			if state == "cold" {
				if err := b.f.forget(); errors.Is(err, errors.ErrUnsupported) {
					continue
				} else if err != nil {
					return err
				}
			}
			if out[state], err = s.measure(ctx, path, format, viewers); err != nil {
				return err
			}
		}
		return nil
	}
	if err := run("cold"); err != nil {
		return nil, err
	}
	return out, run("new", "warm")
}

// forget drops the pages of all files of the footage, of the catalogue and of nginx from memory.
func (f *footage) forget() error {
	return filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = yardstick.ForgetPages(path)
		}
		if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(path, ".mp4") { // other files of a running recorder come and go
			return nil
		}
		return err
	})
}
