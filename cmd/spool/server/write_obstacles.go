package server

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// leastDescriptors is the number of descriptors needed to begin one file and finish another.
// Below fewDescriptors or fewInodes a warning is reported.
const (
	leastDescriptors = 4
	fewDescriptors   = 100
	fewInodes        = 1000
)

// dirs lists the directories that must accept files: the record directories, and that of
// SQLite.
func (s *Server) dirs() []string {
	dirs := RecordDirs(s.declared.State().All)
	if dir, apart := databaseDir(s.cfg); apart {
		dirs = append(dirs, dir)
	}
	return dirs
}

// obstacles lists the problems that keep this recorder from writing recordings now. The
// process's limit of open files is checked first: a directory cannot report it.
func (s *Server) obstacles(ctx context.Context) (all []pipeline.Problem) {
	if left, most, _ := descriptors(); left < leastDescriptors {
		err := fmt.Errorf("%w: of %d, %d are left", unix.EMFILE, most, max(left, 0))
		return []pipeline.Problem{disk.ProblemOf(err, time.Time{})}
	}
	for _, v := range s.writable.now(ctx, RecordDirs(s.declared.State().All)) {
		if v.err != nil {
			all = append(all, disk.ProblemOf(v.err, v.since))
		}
	}
	return all
}

// canWrite reports whether no obstacle is known.
func (s *Server) canWrite() bool {
	for _, v := range s.writable.known(RecordDirs(s.declared.State().All)) {
		if v.err != nil {
			return false
		}
	}
	return true
}

// capacity returns the capacity of the record directory's disk, and whether it is known.
func (s *Server) capacity() (filesystem.Capacity, bool) {
	for _, v := range s.writable.known(RecordDirs(s.cfg)[:1]) {
		return v.has, v.has.TotalBytes > 0
	}
	return filesystem.Capacity{}, false
}

// scarce lists resources that run out: recording goes on, but not for long.
func (s *Server) scarce() (all []pipeline.Problem) {
	if left, most, err := descriptors(); err == nil && left < min(most/10, fewDescriptors) {
		all = append(all, pipeline.Problem{
			Problem: "few_descriptors", Cause: fmt.Sprintf("%d of the process's %d file descriptors are left", left, most),
			Remedy: "raise the limit (ulimit -n, LimitNOFILE) before recordings can no longer begin a file",
		})
	}
	for _, v := range s.writable.known(RecordDirs(s.declared.State().All)) {
		if has := v.has; has.FreeInodes > 0 && has.FreeInodes < min(has.Inodes/100, fewInodes) {
			all = append(all, pipeline.Problem{
				Problem: "few_inodes", Cause: fmt.Sprintf("%d of the filesystem's %d inodes are free", has.FreeInodes, has.Inodes),
				Remedy: "delete files of any size before recordings can no longer begin a file; df -i counts inodes",
			})
		}
	}
	return all
}
