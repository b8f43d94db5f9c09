package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/proc"
	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/bench/readload"
)

// Settings holds the settings of a comparison.
type Settings struct {
	Servers  []Server
	Load     []string      // program and arguments of the load generator, with {addr}: see ReadyLine
	Protocol string        // of the load: rtsp, rtmp, srt, or ts: MPEG-TS over UDP, with a port for each stream
	Streams  int           // number of publishers of the load
	Runs     int           // how often each server is run
	Warm     time.Duration // from the start of the last publisher to the start of the window
	Window   time.Duration // length of the measured window
	Tail     time.Duration // from the end of the window to the end of the load
	Rest     time.Duration // from the end of the load to the reading of the memory at rest
	TempDir  string        // parent of the directories {dir}; empty: the system's
	Progress func(string)  // called with a text before each run; may be nil
}

// Sample holds the cost of a server in one run.
type Sample struct {
	Server    string            `json:"server"`
	Run       int               `json:"run"`        // number of the run, from 1
	Window    time.Duration     `json:"window_ns"`  // actual length of the window
	Usage     proc.Usage        `json:"usage"`      // of the server, within the window
	Load      proc.Usage        `json:"load_usage"` // of the load generator, within the window
	PeakBytes int64             `json:"peak_bytes"` // greatest resident memory of the server up to the end of the load
	RestBytes int64             `json:"rest_bytes"` // resident memory at rest; 0: not measured
	Sent      publishload.Stats `json:"sent"`       // totals of the load in the whole run
	Read      readload.Totals   `json:"read"`       // of the readers in the whole run
	Taken     *Taken            `json:"taken"`      // what the server took: see Server.Took
}

// Compare runs all servers one after another, Settings.Runs times, so that other load on the machine affects all of
// them. It returns a sample for each run of each server. If a server has lost something, Compare goes on and returns an
// error at the end. With any other error it returns the samples of the runs before.
func Compare(ctx context.Context, s Settings) (out []Sample, err error) {
	var losses []error
	for run := range s.Runs {
		for i := range s.Servers {
			if s.Progress != nil {
				s.Progress(fmt.Sprintf("run %d of %d: %s", run+1, s.Runs, s.Servers[i].Name))
			}
			sample, err := measure(ctx, &s, &s.Servers[i])
			if err != nil {
				return out, errors.Join(append(losses, fmt.Errorf("run %d of %s: %w", run+1, s.Servers[i].Name, err))...)
			}
			sample.Run = run + 1
			out = append(out, sample)
			if t := sample.Taken; t != nil && t.Lost > 0 {
				losses = append(losses, fmt.Errorf("run %d: %s took %d of %d streams whole, and lost %d access units: %s",
					run+1, sample.Server, t.Whole, s.Streams, t.Lost, t.First))
			}
		}
	}
	return out, errors.Join(losses...)
}

// measure runs a server once under the load and returns its cost.
func measure(ctx context.Context, s *Settings, server *Server) (sample Sample, err error) {
	places, cleanup, err := prepare(s, server)
	if err != nil {
		return sample, err
	}
	defer cleanup()
	argv, err := places.fill(server.Argv)
	if err != nil {
		return sample, fmt.Errorf("%s: %w", server.Name, err)
	}
	loadArgv, err := places.fill(s.Load)
	if err != nil {
		return sample, err
	}
	srv, err := child.Start(server.Name, argv, nil)
	if err != nil {
		return sample, err
	}
	var totals Totals
	defer keepFirst(&err, func() error {
		if e := srv.Stop(ctx, time.Minute); e != nil || err != nil || server.Took == nil {
			return e
		}
		return sample.check(server, Ended{Dir: places.dir, Printed: srv.Output(), Sent: totals.Sent})
	})
	if err := listening(ctx, s, srv, places); err != nil {
		return sample, err
	}
	if totals, err = underLoad(ctx, s, srv, loadArgv, &sample); err != nil {
		return sample, err
	}
	sample.Server, sample.Sent, sample.Read = server.Name, totals.Stats, totals.Read
	return sample, atRest(ctx, s, server, srv, &sample)
}

// underLoad runs the load, and measures the cost of the server meanwhile. It returns what was sent.
func underLoad(ctx context.Context, s *Settings, srv *child.Process, argv []string, sample *Sample) (totals Totals, err error) {
	lines, w := io.Pipe()
	defer lines.Close()
	load, err := child.Start("load", argv, w)
	if err != nil {
		return totals, err
	}
	out := follow(lines)
	*sample, err = window(ctx, s, srv, load, out.ready)
	if err == nil {
		err = pause(ctx, srv, load, nil, s.Tail)
	}
	keepFirst(&err, func() error { return load.Stop(ctx, time.Minute) })
	_ = w.Close()
	return <-out.sent, err
}

// atRest measures the greatest memory of the server until now, when the publishers have left, and the memory at rest.
func atRest(ctx context.Context, s *Settings, server *Server, srv *child.Process, sample *Sample) error {
	u, err := proc.Read(srv.PID())
	if err != nil {
		return err
	}
	sample.PeakBytes = u.PeakRSSBytes
	if !server.Rest {
		return nil
	}
	if err := pause(ctx, srv, nil, nil, s.Rest); err != nil {
		return err
	}
	u, err = proc.Read(srv.PID())
	sample.RestBytes = u.RSSBytes
	return err
}

// check sets m.Taken by Took of the server. It returns an error if the load sent nothing, or if Took fails.
func (m *Sample) check(server *Server, of Ended) error {
	if m.Sent.Units == 0 {
		return errors.New("the load sent nothing")
	}
	taken, err := server.Took(of)
	if err != nil {
		return fmt.Errorf("%s: compare with what was sent: %w", server.Name, err)
	}
	m.Taken = &taken
	return nil
}

// window waits until ready is closed, because all publishers publish, and then for s.Warm. Then it measures the
// usage of the server and of the load generator for s.Window.
func window(ctx context.Context, s *Settings, srv, load *child.Process, ready <-chan struct{}) (Sample, error) {
	if err := pause(ctx, srv, load, ready, time.Minute); err != nil {
		return Sample{}, fmt.Errorf("wait for all publishers: %w", err)
	}
	if err := pause(ctx, srv, load, nil, s.Warm); err != nil {
		return Sample{}, err
	}
	began := time.Now()
	var before, after [2]proc.Usage
	if err := readAll(&before, srv, load); err != nil {
		return Sample{}, err
	}
	if err := pause(ctx, srv, load, nil, s.Window); err != nil {
		return Sample{}, err
	}
	if err := readAll(&after, srv, load); err != nil {
		return Sample{}, err
	}
	return Sample{
		Window: time.Since(began),
		Usage:  after[0].Sub(before[0]), Load: after[1].Sub(before[1]),
	}, nil
}

func readAll(u *[2]proc.Usage, srv, load *child.Process) (err error) {
	for i, p := range []*child.Process{srv, load} {
		if u[i], err = proc.Read(p.PID()); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for the time d. If event is not nil, pause returns as soon as event is closed, and returns an error if
// that does not happen within d. It also returns an error if one of the processes ends or ctx ends meanwhile. load may
// be nil.
func pause(ctx context.Context, srv, load *child.Process, event <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-event:
		return nil
	case <-t.C:
		if event != nil {
			return fmt.Errorf("nothing within %v: %s", d, load.Output())
		}
		return nil
	case <-srv.Done:
		return srv.Failed()
	case <-ended(load):
		return load.Failed()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ended returns a channel that is closed when p has ended; nil for nil.
func ended(p *child.Process) <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.Done
}

// keepFirst calls f, and stores its error in *err if *err is nil.
func keepFirst(err *error, f func() error) {
	if e := f(); *err == nil {
		*err = e
	}
}
