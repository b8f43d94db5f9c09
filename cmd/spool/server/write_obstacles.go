package server

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// Limits of resources below which a problem is reported.
const (
	leastDescriptors = 4    // fewest free file descriptors to begin a file and finish another: see obstacles
	fewDescriptors   = 100  // so many free file descriptors are enough under any limit: see scarce
	fewInodes        = 1000 // so many free inodes are enough on any file system: see scarce
)

// dirs lists the directories that must accept files: the record directories, and the directory of the
// SQLite database if it is outside of mp4.record_path.
func (s *Server) dirs() []string {
	dirs := RecordDirectories(s.declared.State().All)
	if dir, apart := databaseDir(s.cfg); apart {
		dirs = append(dirs, dir)
	}
	return dirs
}

// obstacles lists the problems of the machine that keep recordings from being written now. If too few
// file descriptors are left, it returns only this problem, because tests of directories would fail for
// the same reason.
func (s *Server) obstacles(ctx context.Context) (all []pipeline.Problem) {
	if left, most, _ := descriptors(); left < leastDescriptors {
		err := fmt.Errorf("%w: of %d, %d are left", syscall.EMFILE, most, max(left, 0))
		return []pipeline.Problem{disk.ProblemOf(err, time.Time{})}
	}
	for _, v := range s.writable.now(ctx, RecordDirectories(s.declared.State().All)) {
		if v.err != nil {
			all = append(all, disk.ProblemOf(v.err, v.since))
		}
	}
	return all
}

// canWrite reports whether all record directories accept files, by the newest known state. It does not
// block.
func (s *Server) canWrite() bool {
	for _, v := range s.writable.known(RecordDirectories(s.declared.State().All)) {
		if v.err != nil {
			return false
		}
	}
	return true
}

// capacity returns the capacity of the disk of mp4.record_path, and false while it is unknown. It does
// not block.
func (s *Server) capacity() (filesystem.Capacity, bool) {
	for _, v := range s.writable.known(RecordDirectories(s.cfg)[:1]) {
		return v.has, v.has.TotalBytes > 0
	}
	return filesystem.Capacity{}, false
}

// scarce lists the problem of each resource that is about to run out: file descriptors of the process,
// inodes of a file system.
func (s *Server) scarce() (all []pipeline.Problem) {
	if left, most, err := descriptors(); err == nil && left < min(most/10, fewDescriptors) {
		all = append(all, pipeline.Problem{
			Problem: "few_descriptors", Cause: fmt.Sprintf("%d of the process's %d file descriptors are left", left, most),
			Remedy: "raise the limit (ulimit -n, LimitNOFILE) before recordings can no longer begin a file",
		})
	}
	for _, v := range s.writable.known(RecordDirectories(s.declared.State().All)) {
		if has := v.has; has.FreeInodes > 0 && has.FreeInodes < min(has.Inodes/100, fewInodes) {
			all = append(all, pipeline.Problem{
				Problem: "few_inodes", Cause: fmt.Sprintf("%d of the filesystem's %d inodes are free", has.FreeInodes, has.Inodes),
				Remedy: "delete files of any size before recordings can no longer begin a file; df -i counts inodes",
			})
		}
	}
	return all
}
