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

// FileSystem is that of one record directory.
type FileSystem struct {
	Dir    string
	Err    error // why nothing is known: fs.ErrNotExist, or it is no directory
	Report filesystem.Report
}

// FileSystems reports what the file system of each directory that pipelines record to has
// and lacks, in the order of names. now is a time that names of files may hold.
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

// probe looks whether the file system of a directory takes all names that its patterns
// may make.
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

// logFilesystems says at the start what the record directories' file systems lack.
func (s *Server) logFilesystems() {
	for _, f := range FileSystems(s.cfg, s.clock.Now()) {
		switch r := f.Report; {
		case f.Err != nil: // recordings say what that does to them
		case len(r.Refused) > 0:
			s.log.Error("the file system does not take all names of recordings: change filename_pattern or the stream's path", "directory", f.Dir, "file_system", r.String())
		case r.Gone():
			s.log.Warn("the file system lacks something that spool promises elsewhere", "directory", f.Dir, "file_system", r.String())
		default:
			s.log.Info("file system of the recordings", "directory", f.Dir, "file_system", r.String())
		}
	}
}
