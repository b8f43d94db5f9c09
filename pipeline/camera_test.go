package pipeline_test

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// The stage "camera" of the examples returns empty pictures, as fast as they are consumed.
func init() {
	pipeline.RegisterSource("camera", cameraConfig{Length: config.Duration(4 * time.Second)}, "Takes 25 pictures a second of nothing.",
		func(set pipeline.Settings, cfg cameraConfig) (pipeline.Source[*media.Chunk], error) {
			pool, err := pipeline.Use[*media.Pool](set)
			return camera{pool, time.Duration(cfg.Length)}, err
		})
}

type cameraConfig struct {
	Length config.Duration `yaml:"length" doc:"so much is taken"`
}

type camera struct {
	pool   *media.Pool
	length time.Duration
}

func (c camera) Run(ctx context.Context, emit pipeline.Emit[*media.Chunk]) error {
	var err error
	b := media.NewBuilder(c.pool, media.BuilderConfig{}, func(chunk *media.Chunk) {
		if err != nil {
			chunk.Release()
		} else {
			err = emit(chunk)
		}
	})
	set, bad := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360)})
	if bad != nil {
		return bad
	}
	b.SetTracks(set)
	for n := int64(0); time.Duration(n)*40*time.Millisecond < c.length && ctx.Err() == nil && err == nil; n++ {
		au := media.AU{DTS: n * 3600, PTS: n * 3600, MonoNS: n * 40e6, UTC: pipelinetest.StartUTC + n*40e6, Payload: [][]byte{{0x41, byte(n)}}}
		if au.Sync = n%25 == 0; au.Sync {
			au.Payload[0][0] = 0x65
		}
		if bad := b.Append(0, &au); bad != nil {
			return bad
		}
	}
	if b.Flush(); err != nil {
		return err
	}
	return pipeline.End(endcause.EndOfFile)
}

// exampleEnv returns the environment that a program provides: one pool for all runs, a log and a clock.
func exampleEnv(pool *media.Pool) pipeline.Env {
	services := &pipeline.Services{}
	pipeline.Provide(services, pool)
	return pipeline.Env{Services: services, Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}
}

// exampleDir is a directory for one example, and the function that removes it.
func exampleDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "spool-example-")
	if err != nil {
		panic(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}
