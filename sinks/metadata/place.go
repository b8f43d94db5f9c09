package metadata

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// Place identifies a running process and its record directory. Host, Path and PID are shown to people.
// The kernel's boot ID and the directory's inode decide whether two places are the same: a copy of a disk
// or of a machine has the same host name and the same path, but not these.
type Place struct {
	Process   string `bun:"process"`   // an ID that each process gives itself
	Host      string `bun:"host"`      // host name
	Path      string `bun:"path"`      // absolute path of the record directory
	Kernel    string `bun:"kernel"`    // Linux boot_id, new at each boot and on each copy of a machine; empty: unknown
	Namespace string `bun:"namespace"` // PID namespace
	PID       int    `bun:"pid"`
	Born      string `bun:"born"`  // start time of the process, in clock ticks since boot
	Inode     string `bun:"inode"` // device:inode of the record directory
}

// PlaceOf returns the place of this process with the record directory dir. A property that cannot be
// determined stays empty, and then equals no other.
func PlaceOf(dir string) Place {
	me := filesystem.ThisProcess()
	p := Place{Process: media.NewID(time.Now()).String(), Host: me.Host, Kernel: me.Boot, Namespace: me.Space, PID: me.PID, Born: me.Began}
	p.Path, _ = filepath.Abs(dir)
	if id, ok := filesystem.Identify(dir); ok {
		p.Inode = fmt.Sprintf("%x:%x", id.Device, id.Inode)
	}
	p.Host, p.Path = cut(p.Host, database.MaxHostBytes), cut(p.Path, database.MaxPathBytes)
	return p
}

// cut returns the begin of s as valid UTF-8, with at most the given number of bytes.
func cut(s string, most int) string {
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// sameDirectory reports whether both places are the same directory on the same machine. It returns
// false if the machine was booted in between.
func (p Place) sameDirectory(o Place) bool {
	return p.Kernel != "" && p.Kernel == o.Kernel && p.Inode != "" && p.Inode == o.Inode
}

// seesProcess reports whether the process of o runs, or ran, on this machine since its last boot and in
// this PID namespace, so that o.PID can be looked up here.
func (p Place) seesProcess(o Place) bool {
	return p.Kernel != "" && p.Kernel == o.Kernel && p.Namespace != "" && p.Namespace == o.Namespace && o.PID > 0 && o.Born != ""
}
