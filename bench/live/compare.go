package live

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/bench/proc"
	"github.com/gospool/spool/bench/rtspload"
	"github.com/gospool/spool/sinks/mp4"
)

// Server describes a server to compare. In Argv and Config, words in braces are replaced: {addr} by the address at
// which the server must accept RTSP, {port} by its port, {http} by another free address, and {dir} by an empty
// directory, which is removed after the run.
type Server struct {
	Name   string
	Argv   []string // program and arguments
	Config string   // written to {dir}/config.yaml before the start; empty: no file
	// Took returns how many access units the server has received or recorded. It is called after the server's end
	// with the server's directory and the last 4 KiB of its output. The run fails if Took returns clearly fewer
	// access units than were sent. If Took is nil, the numbers are not compared.
	Took func(dir, printed string) (units int64, err error)
}

// Settings holds the settings of a comparison.
type Settings struct {
	Servers  []Server      // the cost of all servers is related to that of the first
	Load     []string      // program and arguments of the load generator, with {addr}: see ReadyLine
	Streams  int           // number of publishers of the load
	Runs     int           // how often each server is run
	Warm     time.Duration // from the start of the last publisher to the start of the window
	Window   time.Duration // length of the measured window
	TempDir  string        // parent of the directories {dir}; empty: the system's
	Progress func(string)  // called with a text before each run; may be nil
}

// Sample holds the cost of a server in one run.
type Sample struct {
	Server string         `json:"server"`
	Run    int            `json:"run"`        // number of the run, from 1
	Window time.Duration  `json:"window_ns"`  // actual length of the window
	Usage  proc.Usage     `json:"usage"`      // of the server, within the window
	Load   proc.Usage     `json:"load_usage"` // of the load generator, within the window
	Sent   rtspload.Stats `json:"sent"`       // totals of the load in the whole run
	Took   int64          `json:"took"`       // access units that the server took: see Server.Took
}

// Compare runs all servers one after another, Settings.Runs times, so that other load on the machine affects all of
// them. It returns a sample for each run of each server. With an error it returns the samples of the runs before.
func Compare(ctx context.Context, s Settings) ([]Sample, error) {
	var out []Sample
	for run := range s.Runs {
		for i := range s.Servers {
			if s.Progress != nil {
				s.Progress(fmt.Sprintf("run %d of %d: %s", run+1, s.Runs, s.Servers[i].Name))
			}
			sample, err := measure(ctx, &s, &s.Servers[i])
			if err != nil {
				return out, fmt.Errorf("run %d: %w", run+1, err)
			}
			sample.Run = run + 1
			out = append(out, sample)
		}
	}
	return out, nil
}

// measure runs a server once under the load and returns its cost.
func measure(ctx context.Context, s *Settings, server *Server) (sample Sample, err error) {
	places, cleanup, err := prepare(s, server)
	if err != nil {
		return sample, err
	}
	defer cleanup()
	srv, err := start(server.Name, fill(server.Argv, places), nil)
	if err != nil {
		return sample, err
	}
	defer keepFirst(&err, func() error {
		if e := srv.stop(ctx, time.Minute); e != nil || err != nil || server.Took == nil {
			return e
		}
		return sample.check(server, s.Streams, places.dir, srv.out.String())
	})
	if err := listening(ctx, srv, places.addr); err != nil {
		return sample, err
	}
	lines, w := io.Pipe()
	defer lines.Close()
	load, err := start("load", fill(s.Load, places), w)
	if err != nil {
		return sample, err
	}
	out := follow(lines)
	sample, err = window(ctx, s, srv, load, out.ready)
	sample.Server = server.Name
	keepFirst(&err, func() error { return load.stop(ctx, 20*time.Second) })
	_ = w.Close()
	sample.Sent = <-out.sent
	return sample, err
}

// check sets m.Took by Took of the server. It returns an error if the load sent nothing, or if the server took clearly
// fewer access units than m.Sent. It permits a small difference, because the last access units of each publisher may
// not have arrived.
func (m *Sample) check(server *Server, streams int, dir, printed string) (err error) {
	if m.Took, err = server.Took(dir, printed); err != nil {
		return fmt.Errorf("%s: count its access units: %w", server.Name, err)
	}
	if m.Sent.Units == 0 || m.Sent.Units-m.Took > max(m.Sent.Units/50, int64(2*streams)) {
		return fmt.Errorf("%s took %d of the %d sent access units: its cost is not comparable", server.Name, m.Took, m.Sent.Units)
	}
	return nil
}

// Printed is a Server.Took for servers whose last line of output is JSON of the form {"access_units": N, ...}.
func Printed(_, printed string) (int64, error) {
	var last struct {
		Units int64 `json:"access_units"`
	}
	err := json.Unmarshal([]byte(printed[strings.LastIndexByte(printed, '\n')+1:]), &last)
	return last.Units, err
}

// Recorded returns a Server.Took for spool. It computes the access units from the durations of the files in
// {dir}/recordings: each stream must have one track with fps access units a second.
func Recorded(fps int) func(dir, printed string) (int64, error) {
	return func(dir, _ string) (units int64, err error) {
		err = filepath.WalkDir(filepath.Join(dir, "recordings"), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".mp4" {
				return err
			}
			r, err := mp4.ReadEntry(path)
			units += (r.DurationNS*int64(fps) + int64(time.Second/2)) / int64(time.Second)
			return err
		})
		return units, err
	}
}

// window waits until ready is closed, because all publishers publish, and then for s.Warm. Then it measures the
// usage of the server and of the load generator for s.Window.
func window(ctx context.Context, s *Settings, srv, load *process, ready <-chan struct{}) (Sample, error) {
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

func readAll(u *[2]proc.Usage, srv, load *process) (err error) {
	for i, p := range []*process{srv, load} {
		if u[i], err = proc.Read(p.pid()); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for the time d. If event is not nil, pause returns as soon as event is closed, and returns an error if
// that does not happen within d. It also returns an error if one of the processes ends or ctx ends meanwhile.
func pause(ctx context.Context, srv, load *process, event <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-event:
		return nil
	case <-t.C:
		if event != nil {
			return fmt.Errorf("nothing within %v: %s", d, load.out.String())
		}
		return nil
	case <-srv.done:
		return srv.failed()
	case <-load.done:
		return load.failed()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// listening waits until the server accepts connections.
func listening(ctx context.Context, srv *process, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-srv.done:
			return srv.failed()
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s: %s", srv.name, addr, srv.out.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// places holds the values that replace {addr}, {http} and {dir} in Server.Argv and Server.Config.
type places struct{ addr, http, dir string }

func (p places) replacer() *strings.Replacer {
	_, port, _ := net.SplitHostPort(p.addr)
	return strings.NewReplacer("{addr}", p.addr, "{port}", port, "{http}", p.http, "{dir}", p.dir)
}

func fill(argv []string, p places) []string {
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = p.replacer().Replace(a)
	}
	return out
}

func prepare(s *Settings, server *Server) (places, func(), error) {
	dir, err := os.MkdirTemp(s.TempDir, "livebench-")
	if err != nil {
		return places{}, nil, err
	}
	p := places{dir: dir}
	cleanup := func() { _ = os.RemoveAll(dir) }
	for _, a := range []*string{&p.addr, &p.http} {
		if *a, err = freeAddress(); err != nil {
			cleanup()
			return p, nil, err
		}
	}
	if server.Config != "" {
		if err := os.WriteFile(dir+"/config.yaml", []byte(p.replacer().Replace(server.Config)), 0o600); err != nil {
			cleanup()
			return p, nil, err
		}
	}
	return p, cleanup, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// ReadyLine is the line that a load generator must print when all its publishers publish. At its end it must print a
// line with its rtspload.Stats as JSON.
const ReadyLine = "publishing"

// output receives the parsed output of the load generator from the goroutine of follow.
type output struct {
	ready chan struct{}       // closed at ReadyLine
	sent  chan rtspload.Stats // gets the totals at the end of the output
}

// follow starts a goroutine that reads the output of the load generator to its end, and returns at once. The
// goroutine closes output.ready and sends to output.sent.
func follow(r io.Reader) output {
	o := output{make(chan struct{}), make(chan rtspload.Stats, 1)}
	go func() {
		var stats rtspload.Stats
		lines, seen := bufio.NewScanner(r), false
		for lines.Scan() {
			switch text := lines.Text(); {
			case text == ReadyLine && !seen:
				seen = true
				close(o.ready)
			case strings.HasPrefix(text, "{"):
				_ = json.Unmarshal([]byte(text), &stats)
			}
		}
		_, _ = io.Copy(io.Discard, r)
		o.sent <- stats
	}()
	return o
}

// keepFirst calls f, and stores its error in *err if *err is nil.
func keepFirst(err *error, f func() error) {
	if e := f(); *err == nil {
		*err = e
	}
}
