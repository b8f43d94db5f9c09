package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// VersionCmd is spool version.
type VersionCmd struct{}

// Run prints what the build recorded about itself.
func (*VersionCmd) Run(p *Program) error {
	b := readBuild()
	_, err := fmt.Fprintf(p.Stdout, "spool %s (%s) %s %s/%s\n", b.version, b.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

type build struct{ version, commit string }

// readBuild takes the version of the module and the commit from the build
// information that the go command puts into the binary.
func readBuild() build {
	b := build{"devel", "commit unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.version = v
	}
	modified := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = "commit " + s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				modified = ", modified"
			}
		}
	}
	b.commit += modified
	return b
}
