package export

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/cmd/spool/server"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
)

// direct exports footage of the record directory and the catalogue of the configuration to a directory. A recorder may
// run on them.
func (c *Command) direct(ctx context.Context, e Env, r bundle.Request, dir string, show func(done, all int64)) (made []bundle.Written, err error) {
	cfg, err := e.Load()
	if err != nil {
		return nil, err
	}
	footage, err := server.OpenFootage(ctx, cfg, pipeline.SystemClock)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, footage.Close()) }()
	now := time.Now()
	if err := r.Check(footage.Source.Formats(), now); err != nil {
		return nil, err
	}
	key, err := manifest.LoadKey(durable.Below(cfg.MP4.RecordPath), filepath.Join(cfg.MP4.RecordPath, manifest.KeyFile))
	if err != nil {
		return nil, fmt.Errorf("the recorder's key: %w", err)
	}
	b, err := bundle.Open(ctx, footage.Source, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	done := int64(0)
	by := bundle.Maker{Recorder: manifest.Recorder{Name: footage.Node, Program: "spool", Version: e.Version}, Key: key}
	return b.Write(ctx, files(dir), by, now, func(n int) {
		done += int64(n)
		show(done, b.MediaBytes())
	})
}
