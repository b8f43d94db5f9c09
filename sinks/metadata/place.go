package metadata

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// Place describes where a process records. Host, Path and PID are for people. The kernel's boot ID
// and the directory's inode decide whether two places are the same, since a copy of a disk or of
// a machine has the same names and the same identity.
type Place struct {
	Process   string `bun:"process"` // ID of this run of the program
	Host      string `bun:"host"`
	Path      string `bun:"path"`      // of the record directory, absolute
	Kernel    string `bun:"kernel"`    // boot_id: new after each boot, and on each copy of a machine; empty where unknown
	Namespace string `bun:"namespace"` // PID namespace
	PID       int    `bun:"pid"`
	Born      string `bun:"born"`  // start time of the process, in ticks of that kernel
	Inode     string `bun:"inode"` // device:inode of the record directory
}

// PlaceOf describes this process and a record directory. A field that cannot be determined stays
// empty and proves nothing.
func PlaceOf(dir string) Place {
	me := filesystem.ThisProcess()
	p := Place{Process: media.NewID(time.Now()).String(), Host: me.Host, Kernel: me.Boot, Namespace: me.Space, PID: me.PID, Born: me.Began}
	p.Path, _ = filepath.Abs(dir)
	if info, err := os.Stat(dir); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			p.Inode = fmt.Sprintf("%x:%x", st.Dev, st.Ino)
		}
	}
	p.Host, p.Path = cut(p.Host, database.MaxHostBytes), cut(p.Path, database.MaxPathBytes)
	return p
}

func cut(s string, most int) string {
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// sameDirectory reports whether both places are one directory on one machine.
func (p Place) sameDirectory(o Place) bool {
	return p.Kernel != "" && p.Kernel == o.Kernel && p.Inode != "" && p.Inode == o.Inode
}

// seesProcess reports whether the process ID of another place is valid in this one.
func (p Place) seesProcess(o Place) bool {
	return p.Kernel != "" && p.Kernel == o.Kernel && p.Namespace != "" && p.Namespace == o.Namespace && o.PID > 0 && o.Born != ""
}
