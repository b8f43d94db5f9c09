package egress

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// LiveConfig holds the settings of the stage live: what the clients of the pipeline's streams get.
type LiveConfig struct {
	Window     config.Duration `yaml:"window" inherit:"egress.window" takes:"nothing" doc:"Media that a live playlist lists. The newest 30 seconds at most lie in memory, the rest in a recording of the stream: without a recording the playlist is shorter."`
	Outputs    []string        `yaml:"outputs" reaches:"nothing" doc:"Outputs by which clients may watch, such as [hls, fmp4]; empty: all."`
	MaxReaders int             `yaml:"max_readers" takes:"nothing" doc:"Most clients of the pipeline at once by each output, beside egress.max_readers; 0 is no limit of its own."`
}

// The bounds of LiveConfig.Window. A playlist of low-latency HLS has three segments at least.
const (
	minWindow     = 5 * time.Second
	maxWindow     = 12 * time.Hour
	defaultWindow = 30 * time.Second
)

var defaultLive = LiveConfig{Window: config.Duration(defaultWindow), Outputs: []string{}}

func init() {
	pipeline.RegisterOutput("live", defaultLive,
		"Serves the live stream to the clients that watch it. It runs while there is one, and records nothing.")
}

// Check returns the problems of the settings.
func (c LiveConfig) Check() (ps config.Problems) {
	if c.Window.D() < minWindow || c.Window.D() > maxWindow {
		ps = append(ps, config.At("window", "%s is out of range", c.Window).WithHint("%s to %s", config.Duration(minWindow), config.Duration(maxWindow)))
	}
	known := knownOutputs()
	for i, name := range c.Outputs {
		if !slices.Contains(known, name) {
			ps = append(ps, config.At("outputs/"+strconv.Itoa(i), "there is no output %s", config.QuoteName(name)).WithHint("known are %s", strings.Join(known, ", ")))
		}
	}
	if c.MaxReaders < 0 {
		ps = append(ps, config.At("max_readers", "%d is negative", c.MaxReaders).WithHint("0 is no limit of its own"))
	}
	return ps
}

var outputs struct {
	sync.Mutex // guards names
	names      []string
}

// RegisterOutput makes the name of an output known to the setting outputs. The package of the output calls it in init.
func RegisterOutput(name string) {
	outputs.Lock()
	defer outputs.Unlock()
	outputs.names = append(outputs.names, name)
	slices.Sort(outputs.names)
}

func knownOutputs() []string {
	outputs.Lock()
	defer outputs.Unlock()
	return slices.Clone(outputs.names)
}

// Offer holds what the clients of a stream get, and the name of the pipeline that says so.
type Offer struct {
	Pipeline string
	LiveConfig
}

// NotServedError is the error for a stream, or an output of a stream, that no pipeline serves.
type NotServedError struct{ Reason string }

// Error returns the reason.
func (e *NotServedError) Error() string { return e.Reason }

// Gate admits clients to the streams of the pipelines that serve them. A nil Gate admits all, with the default settings. It is safe
// for concurrent use.
type Gate struct {
	offers func(path string) (Offer, error)

	mu    sync.Mutex // guards taken
	taken map[seat]int
}

// seat is what a client takes: of a pipeline, by an output.
type seat struct{ pipeline, output string }

// NewGate returns a gate. offers returns what the clients of a stream get; its error is a *NotServedError.
func NewGate(offers func(path string) (Offer, error)) *Gate {
	return &Gate{offers: offers, taken: map[seat]int{}}
}

// Offer returns what clients get of a stream by an output. Its error is a *NotServedError.
func (g *Gate) Offer(output, path string) (Offer, error) {
	if g == nil {
		return Offer{LiveConfig: defaultLive}, nil
	}
	o, err := g.offers(path)
	if err == nil && len(o.Outputs) > 0 && !slices.Contains(o.Outputs, output) {
		err = &NotServedError{fmt.Sprintf("pipeline %s serves this stream by %s, not by %s", o.Pipeline, strings.Join(o.Outputs, ", "), output)}
	}
	return o, err
}

// Serves returns nil if clients may watch a stream by an output, and else the error of Offer.
func (g *Gate) Serves(output, path string) error {
	_, err := g.Offer(output, path)
	return err
}

// Enter counts a client that watches a stream by an output, until it calls leave. Its error is that of Offer, or wraps ErrFull.
func (g *Gate) Enter(output, path string) (leave func(), err error) {
	o, err := g.Offer(output, path)
	if err != nil || g == nil || o.MaxReaders == 0 {
		return func() {}, err
	}
	at := seat{o.Pipeline, output}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken[at] >= o.MaxReaders {
		return nil, fmt.Errorf("%w: max_readers of pipeline %s", ErrFull, o.Pipeline)
	}
	g.taken[at]++
	return sync.OnceFunc(func() { g.leave(at) }), nil
}

func (g *Gate) leave(at seat) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken[at]--; g.taken[at] == 0 {
		delete(g.taken, at)
	}
}
