package server

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/mp4"
)

// control is the recorder as the API wants it.
type control struct {
	recorder *recorder.Recorder
	byHand   func() // told when something was started or stopped
}

func (c control) Start(_ context.Context, stream string, o recorder.StartOptions) (bool, error) {
	already, err := c.recorder.Start(stream, o)
	c.byHand()
	switch {
	case errors.Is(err, recorder.ErrUnknownStream):
		return false, api.NotFound("%v; wait=true arms the recording until it appears", err)
	case errors.Is(err, recorder.ErrNoPipeline):
		return false, api.NotFound("%v", err)
	}
	return already, refusedArming(err)
}

// refusedArming says what to do where no more streams may be armed; any other error is
// handed on.
func refusedArming(err error) error {
	var full *recorder.ArmedError
	if !errors.As(err, &full) {
		return err
	}
	return api.Conflict("%v: stop one that is not needed (GET /mp4/list has them, POST /mp4/stop/NAME ends one), "+
		"name this one under streams in the configuration, or raise memory.max_armed", err)
}

func (c control) Stop(ctx context.Context, stream string) (bool, error) {
	defer c.byHand()
	return c.recorder.Stop(ctx, stream)
}

func (c control) Stream(path string) (recorder.StreamStatus, bool) { return c.recorder.Stream(path) }

func (c control) Recording() []string { return c.recorder.Recording() }

// growing tells what of a file that is being written can be played.
func growing(dir string) playback.Growing {
	return func(name string) (string, int64, bool) {
		part := name + media.PartSuffix
		size, err := mp4.Playable(filepath.Join(dir, filepath.FromSlash(part)))
		return part, size, err == nil
	}
}
