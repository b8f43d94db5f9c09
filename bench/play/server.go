package play

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/proc"
)

// server is a running server that is measured.
type server struct {
	process *child.Process
	base    string // its address, with scheme
	kill    bool   // it need not end by itself
}

// readyWithin bounds the time until a server answers.
const readyWithin = 30 * time.Second

// serve starts a program that listens on an address, and waits until ready accepts its answer to a GET of path.
func serve(ctx context.Context, name string, argv []string, address, path string, ready func(*http.Response) bool) (*server, error) {
	p, err := child.Start(name, argv, nil)
	if err != nil {
		return nil, err
	}
	s := &server{process: p, base: "http://" + address}
	once := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: readyWithin}
	for began := time.Now(); ; {
		if response, err := once.Get(s.base + path); err == nil {
			ok := ready(response)
			_ = response.Body.Close()
			if ok {
				return s, nil
			}
		}
		select {
		case <-p.Done:
			return nil, p.Failed()
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), p.Stop(ctx, readyWithin))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(began) > readyWithin {
			return nil, errors.Join(fmt.Errorf("%s does not answer within %v: %s", name, readyWithin, p.Output()), p.Stop(ctx, readyWithin))
		}
	}
}

// stop ends the server.
func (s *server) stop(ctx context.Context) error {
	if s.kill {
		s.process.Kill()
		return nil
	}
	return s.process.Stop(ctx, time.Minute)
}

// cost is what serving a span to some clients took.
type cost struct {
	firstByte time.Duration // of the client that waited longest
	wall      time.Duration // until the last client had all
	cpu       time.Duration // of the server
	grown     int64         // bytes of memory, at its peak
	bytes     int64         // that all clients got
}

// measure lets some clients fetch a span at once.
func (s *server) measure(ctx context.Context, path, format string, viewers int) (c cost, err error) {
	pid := s.process.PID()
	if err := proc.ResetPeak(pid); err != nil {
		return c, err
	}
	before, err := proc.Read(pid)
	if err != nil {
		return c, err
	}
	got, errs := make([]fetched, viewers), make([]error, viewers)
	began := time.Now()
	var all sync.WaitGroup
	for n := range viewers {
		all.Go(func() { got[n], errs[n] = newClient().fetch(ctx, s.base+path, format) })
	}
	all.Wait()
	c.wall = time.Since(began)
	if err := errors.Join(errs...); err != nil {
		return c, fmt.Errorf("%s: %w: %s", s.process.Name, err, s.process.Output())
	}
	after, err := proc.Read(pid)
	if err != nil {
		return c, err
	}
	c.cpu, c.grown = after.Sub(before).CPU(), after.PeakRSSBytes-before.RSSBytes
	for _, g := range got {
		c.firstByte = max(c.firstByte, g.firstByte)
		c.bytes += g.bytes
	}
	return c, nil
}
