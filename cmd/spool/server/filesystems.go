package server

import (
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/filename"
)

// FileSystem describes the file system of one record directory.
type FileSystem struct {
	Dir    string
	Err    error             // why Report is empty, such as fs.ErrNotExist or ENOTDIR; nil: Report is valid
	Report filesystem.Report // features and limits of the file system
}

// FileSystems reports the features and limits of the file system of each record directory that a pipeline uses,
// sorted by directory. It also tests whether the file system accepts the names that the configured patterns
// make; now is the time in these names.
func FileSystems(cfg *configs.Config, now time.Time) (all []FileSystem) {
	named := patterns(cfg)
	for _, dir := range slices.Sorted(maps.Keys(named)) {
		one := FileSystem{Dir: dir}
		info, err := os.Stat(dir)
		switch {
		case err != nil:
			one.Err = err
		case !info.IsDir():
			one.Err = syscall.ENOTDIR
		default:
			one.Report = probe(cfg, dir, named[dir], now)
		}
		all = append(all, one)
	}
	return all
}

// probe tests a directory's file system, with unusual names that its patterns may make for the
// configured and for other streams.
func probe(cfg *configs.Config, dir string, patterns []string, now time.Time) filesystem.Report {
	var names []string
	for _, pattern := range patterns {
		names = append(names, filename.Unusual(pattern, now)...)
		for stream := range cfg.Streams {
			names = append(names, filename.Unusual(pattern, now, string(stream))...)
		}
	}
	return (&filesystem.Calls{}).Probe(dir, names...)
}

// logFilesystems logs, for each record directory, which features its file system lacks.
func (s *Server) logFilesystems() {
	for _, f := range FileSystems(s.cfg, s.clock.Now()) {
		switch r := f.Report; {
		case f.Err != nil: // the first recording to this directory reports the error
		case len(r.Refused) > 0:
			s.log.Error("the file system does not accept all file names of recordings: change filename_pattern or the stream's path", "directory", f.Dir, "file_system", r.String())
		case r.Gone():
			s.log.Warn("the file system lacks something that spool relies on", "directory", f.Dir, "file_system", r.String())
		default:
			s.log.Info("file system of the recordings", "directory", f.Dir, "file_system", r.String())
		}
	}
}
