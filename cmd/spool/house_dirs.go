package main

import (
	"context"
	"path/filepath"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/spec"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// removeEmptyDirs removes the directories of recordings that are not there any more
// and were not removed with the last of them: a crash came in between, or files were
// deleted by hand.
func (h *house) removeEmptyDirs(ctx context.Context, dir string) error {
	cfg := h.plans.state().all
	removed, err := mp4.RemoveEmptyDirs(ctx, dir, patterns(cfg), func(stream string) bool {
		if _, configured := cfg.Streams[configs.StreamPath(stream)]; configured {
			return true
		}
		page, err := h.catalogue.Records(ctx, metadata.Query{Stream: stream, Limit: 1})
		return err == nil && len(page.Records) > 0
	})
	if removed > 0 {
		h.log.Info("empty directories are removed", "directories", removed)
	}
	return err
}

// patterns are the names of files in the record directory, of all pipelines.
func patterns(cfg *configs.Config) (out []string) {
	dir := filepath.Clean(cfg.MP4.RecordPath)
	var walk func(n *spec.Node)
	walk = func(n *spec.Node) {
		if n == nil {
			return
		}
		for _, e := range n.Entries {
			walk(e.Value)
			if e.Key != "mp4" {
				continue
			}
			path, _ := written(e.Value, "record_path")
			if pattern, ok := written(e.Value, "filename_pattern"); ok && filepath.Clean(path) == dir {
				out = append(out, pattern)
			}
		}
		for _, below := range n.List {
			walk(below)
		}
	}
	for _, p := range cfg.Pipelines {
		walk(p.Stages)
	}
	return out
}

// written is a setting that the mp4 block has given to a stage that leaves it out.
func written(settings *spec.Node, key string) (string, bool) {
	n := settings.Get(key)
	if n == nil {
		return "", false
	}
	s, ok := n.Scalar.(string)
	return s, ok
}
