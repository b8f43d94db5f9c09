package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/filename"
)

// filesystems tells what the file system of each record directory has and lacks. One
// that is not there yet is left out.
func filesystems(cfg *configs.Config) map[string]filesystem.Report {
	out := map[string]filesystem.Report{}
	for dir, patterns := range patterns(cfg) {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		var names []string
		for _, pattern := range patterns {
			names = append(names, filename.Unusual(pattern, time.Now())...)
			for stream := range cfg.Streams {
				names = append(names, filename.Unusual(pattern, time.Now(), string(stream))...)
			}
		}
		out[dir] = (&filesystem.Calls{}).Probe(dir, names...)
	}
	return out
}

// logFilesystems says at the start what the record directories' file systems lack.
func (h *house) logFilesystems() {
	all := filesystems(h.cfg)
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		switch r := all[dir]; {
		case len(r.Refused) > 0:
			h.log.Error("the file system does not take all names of recordings: change filename_pattern or the stream's path", "directory", dir, "file_system", r.String())
		case r.Gone():
			h.log.Warn("the file system lacks something that spool promises elsewhere", "directory", dir, "file_system", r.String())
		default:
			h.log.Info("file system of the recordings", "directory", dir, "file_system", r.String())
		}
	}
}

var errRefusedNames = errors.New("a file system does not take all names of recordings: change filename_pattern or the stream's path")

// showFilesystems is logFilesystems for spool check.
func showFilesystems(w io.Writer, cfg *configs.Config) (err error) {
	all := filesystems(cfg)
	for _, dir := range slices.Sorted(maps.Keys(patterns(cfg))) {
		r, there := all[dir]
		if _, missing := os.Stat(dir); !there && errors.Is(missing, fs.ErrNotExist) {
			fmt.Fprintf(w, "%s is not there yet: what its file system lacks is looked at once it is\n", dir)
			continue
		}
		fmt.Fprintf(w, "%s: %s\n", dir, r)
		if len(r.Refused) > 0 {
			err = errRefusedNames
		}
	}
	return err
}
