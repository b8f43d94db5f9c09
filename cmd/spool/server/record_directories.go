package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/gospool/spool/cmd/spool/server/declared"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// RecordDirectories returns the record directories of a configuration, each once: mp4.record_path first, then
// those that only pipelines name, sorted.
func RecordDirectories(cfg *configs.Config) []string {
	first, others := filepath.Clean(cfg.MP4.RecordPath), map[string]bool{}
	for _, p := range cfg.Pipelines {
		pipeline.EachStage(p.Stages, func(s *pipeline.StageInfo, settings *config.Node) {
			for _, path := range written(s, settings, pipeline.RecordDirectory) {
				others[filepath.Clean(path)] = true
			}
		})
	}
	delete(others, first)
	return append([]string{first}, slices.Sorted(maps.Keys(others))...)
}

// mayWrite returns an error if the process has no permission to make files in a directory, or if the
// file system is mounted read-only.
func mayWrite(dir string) error {
	err := filesystem.MayMakeFiles(dir)
	if errors.Is(err, fs.ErrPermission) || filesystem.Is(err, syscall.EROFS) {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil // the first recording reports any other fault
}

// unwritableRecordPath adds to an error of the record directory the setting that names the directory,
// and a remedy.
func unwritableRecordPath(err error) error {
	unwritable, remedy := recordPathRemedy(err)
	if unwritable {
		return fmt.Errorf("mp4.record_path is not writable: %w: %s", err, remedy)
	}
	return fmt.Errorf("mp4.record_path: %w: %s", err, remedy)
}

// recordPathRemedy returns the remedy for an error of the record directory. It reports whether spool's user
// may not write there: the text of err alone does not say that.
func recordPathRemedy(err error) (unwritable bool, remedy string) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return true, fmt.Sprintf("user %d must be allowed to make files there: chown or chmod the directory, or set another mp4.record_path", os.Geteuid())
	case filesystem.Is(err, syscall.EROFS):
		return true, "mount it for writing, or set another mp4.record_path"
	}
	return false, "set mp4.record_path to a directory that exists or can be made"
}

// CheckDirectories returns a problem in wrong if a start would fail because mp4.record_path cannot be made or
// written. It returns one in warnings if the directory of the SQLite database cannot be made or written and is
// outside of mp4.record_path. It leaves no file or directory behind.
func CheckDirectories(cfg *configs.Config) (wrong, warnings config.Problems) {
	if err := makable(cfg.MP4.RecordPath); err != nil {
		text := err.Error()
		unwritable, remedy := recordPathRemedy(err)
		if unwritable {
			text = "is not writable: " + text
		}
		wrong = append(wrong, cfg.Problem("mp4/record_path", text).WithHint("%s", remedy))
	}
	if dir, apart := databaseDir(cfg); apart {
		if err := makable(dir); err != nil {
			warnings = append(warnings, cfg.Problem("database/dsn", fmt.Sprintf("the database's directory cannot be used: %v", err)).
				WithHint("%s", "set database.dsn to a file whose directory exists or can be made; until then spool records without the catalogue"))
		}
	}
	return wrong, warnings
}

// makable returns an error unless a directory exists and the process may make files in it, or the
// directory could be made. To find out, it makes the topmost missing directory and removes it again.
func makable(dir string) error {
	switch info, err := os.Stat(dir); {
	case err == nil && !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("a file has that name")}
	case err == nil:
		return mayWrite(dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if parent := filepath.Dir(dir); parent != dir {
		if _, err := os.Stat(parent); err != nil {
			return makable(parent)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Remove(dir)
}

// mayRecord returns an error unless recordings may be made in a directory: see mp4.MayRecord. It allows the
// record directories of the configuration file, and the directories that pipelines made by API may use. The
// directory of an accepted pipeline can be outside of these, because a symbolic link may have replaced it
// since.
func (s *Server) mayRecord(dir string) error {
	file := s.declared.State().File
	for _, own := range RecordDirectories(file) {
		if disk.Absolute(own) == dir {
			return nil
		}
	}
	within, err := filesystem.Within(dir, declared.Directories(file))
	if err == nil && !within {
		err = errors.New("a link leads out of the directories that the configuration file declares")
	}
	return err
}

// patterns returns the patterns of file names in the pipelines of a configuration, by record directory.
func patterns(cfg *configs.Config) map[string][]string {
	out := map[string][]string{}
	for _, p := range cfg.Pipelines {
		pipeline.EachStage(p.Stages, func(s *pipeline.StageInfo, settings *config.Node) {
			for _, dir := range written(s, settings, pipeline.RecordDirectory) {
				dir = filepath.Clean(dir)
				out[dir] = append(out[dir], written(s, settings, pipeline.FilePattern)...)
			}
		})
	}
	return out
}

// written returns the values of those settings of a stage that have the meaning m, such as all its
// record directories, without empty ones.
func written(s *pipeline.StageInfo, settings *config.Node, m pipeline.Meaning) (texts []string) {
	for _, n := range s.Written(settings, m) {
		if text, ok := n.Scalar.(string); ok && text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// removeEmptyDirs removes empty directories below the record directory dir, which remain after a crash
// during a deletion, or after an operator has deleted files. It removes only directories that a pattern
// of file names makes, with a date or with the path of a stream that the configuration or the catalogue
// names: see disk.RemoveEmptyDirs.
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
		s.log.Info("empty directories were removed", "directories", removed)
	}
	return err
}
