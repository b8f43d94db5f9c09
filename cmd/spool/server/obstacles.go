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

// leastDescriptors are what a recorder needs to begin one file and finish another;
// with fewer than fewDescriptors the operator is told before.
const (
	leastDescriptors = 4
	fewDescriptors   = 100
	fewInodes        = 1000
)

// dirs are the directories that must take files.
func (s *Server) dirs() []string {
	dirs := RecordDirs(s.declared.State().All)
	if dir, apart := databaseDir(s.cfg); apart {
		dirs = append(dirs, dir)
	}
	return dirs
}

// obstacles are what keeps this recorder from writing recordings now; none where it
// can. What no directory tells is whether the process may open files.
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

// canWrite is whether there is no obstacle, as far as is known.
func (s *Server) canWrite() bool {
	for _, v := range s.writable.known(RecordDirs(s.declared.State().All)) {
		if v.err != nil {
			return false
		}
	}
	return true
}

// capacity is that of the disk with the record directory.
func (s *Server) capacity() (filesystem.Capacity, bool) {
	for _, v := range s.writable.known(RecordDirs(s.cfg)[:1]) {
		return v.has, v.has.Total > 0
	}
	return filesystem.Capacity{}, false
}

// scarce are the problems that are coming: recording goes on, but not for long.
func (s *Server) scarce() (all []pipeline.Problem) {
	if left, most, err := descriptors(); err == nil && left < min(most/10, fewDescriptors) {
		all = append(all, pipeline.Problem{
			Problem: "few_descriptors", Cause: fmt.Sprintf("of %d files that the process may open, %d are left", most, left),
			Remedy: "raise the limit with ulimit -n or LimitNOFILE, before no recording can begin a file",
		})
	}
	for _, v := range s.writable.known(RecordDirs(s.declared.State().All)) {
		if has := v.has; has.FreeInodes > 0 && has.FreeInodes < min(has.Inodes/100, fewInodes) {
			all = append(all, pipeline.Problem{
				Problem: "few_inodes", Cause: fmt.Sprintf("of %d files that the filesystem can hold, %d may still be made", has.Inodes, has.FreeInodes),
				Remedy: "delete files, of any size, before no recording can begin one; df -i counts them",
			})
		}
	}
	return all
}
