package server

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// RecordDirs returns the directories that a configuration records to, that of the mp4
// block first.
func RecordDirs(cfg *configs.Config) []string {
	first, others := filepath.Clean(cfg.MP4.RecordPath), map[string]bool{}
	for _, p := range cfg.Pipelines {
		eachStage(p.Stages, "mp4", func(settings *config.Node) {
			if path, ok := written(settings, "record_path"); ok {
				others[filepath.Clean(path)] = true
			}
		})
	}
	delete(others, first)
	return append([]string{first}, slices.Sorted(maps.Keys(others))...)
}

// patterns are the names of files that pipelines give, by the directory that they
// record to.
func patterns(cfg *configs.Config) map[string][]string {
	out := map[string][]string{}
	for _, p := range cfg.Pipelines {
		eachStage(p.Stages, "mp4", func(settings *config.Node) {
			dir, _ := written(settings, "record_path")
			if pattern, ok := written(settings, "filename_pattern"); ok && dir != "" {
				dir = filepath.Clean(dir)
				out[dir] = append(out[dir], pattern)
			}
		})
	}
	return out
}

// eachStage calls a function with the settings of each stage of a name, in branches
// too.
func eachStage(n *config.Node, name string, do func(settings *config.Node)) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		eachStage(e.Value, name, do)
		if e.Key == name {
			do(e.Value)
		}
	}
	for _, below := range n.List {
		eachStage(below, name, do)
	}
}

// written is a setting that the mp4 block has given to a stage that leaves it out.
func written(settings *config.Node, key string) (string, bool) {
	n := settings.Get(key)
	if n == nil {
		return "", false
	}
	s, ok := n.Scalar.(string)
	return s, ok
}

// removeEmptyDirs removes the directories of recordings that are not there any more
// and were not removed with the last of them: a crash came in between, or files were
// deleted by hand.
func (s *Server) removeEmptyDirs(ctx context.Context, dir string) error {
	cfg := s.declared.State().All
	removed, err := disk.RemoveEmptyDirs(ctx, dir, patterns(cfg)[filepath.Clean(dir)], func(stream string) bool {
		if _, configured := cfg.Streams[configs.StreamPath(stream)]; configured {
			return true
		}
		page, err := s.catalogue.Records(ctx, media.Query{Stream: stream, Limit: 1})
		return err == nil && len(page.Records) > 0
	})
	if removed > 0 {
		s.log.Info("empty directories are removed", "directories", removed)
	}
	return err
}
