package server

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/mp4"
)

// control starts and stops recordings for the API; it implements api.Recorder.
type control struct {
	recorder *recorder.Recorder
	changed  func() // called after each start or stop
}

func (c control) Start(_ context.Context, stream string, o recorder.StartOptions) (bool, error) {
	already, err := c.recorder.Start(stream, o)
	c.changed()
	switch {
	case errors.Is(err, recorder.ErrUnknownStream):
		return false, api.NotFound("%v; wait=true arms the recording until it appears", err)
	case errors.Is(err, recorder.ErrNoPipeline):
		return false, api.NotFound("%v", err)
	}
	return already, refusedArming(refusedByHold(err))
}

// refusedByHold converts a recorder.HeldError to an api Conflict with a remedy. It returns any other
// error as it is.
func refusedByHold(err error) error {
	var held *recorder.HeldError
	if !errors.As(err, &held) {
		return err
	}
	starts := make([]string, len(held.Pipelines))
	for i, name := range held.Pipelines {
		starts[i] = "POST /mp4/pipelines/" + name + "/start"
	}
	lets := " lets it record again"
	if len(starts) > 1 {
		lets = " let them record again"
	}
	return api.Conflict("%v: %s", held, strings.Join(starts, " or ")+lets)
}

// refusedArming converts a recorder.ArmedError to an api Conflict with a remedy. It returns any other
// error as it is.
func refusedArming(err error) error {
	var full *recorder.ArmedError
	if !errors.As(err, &full) {
		return err
	}
	return api.Conflict("%v: stop a stream that is not needed (GET /mp4/list lists them, POST /mp4/stop/NAME ends one), "+
		"name this stream under streams in the configuration, or raise memory.max_armed", err)
}

func (c control) Stop(ctx context.Context, stream string) (bool, error) {
	defer c.changed()
	return c.recorder.Stop(ctx, stream)
}

func (c control) Stream(path string) (recorder.StreamStatus, bool) { return c.recorder.Stream(path) }

func (c control) Recording() []string { return c.recorder.Recording() }

// growing returns the function by which package playback finds the growing files in the record
// directory dir: see playback.Growing.
func growing(dir string) playback.Growing {
	return func(name string) (string, int64, bool) {
		part := name + media.PartSuffix
		size, err := mp4.Playable(filepath.Join(dir, filepath.FromSlash(part)))
		return part, size, err == nil
	}
}
