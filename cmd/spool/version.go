package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// VersionCmd implements spool version, which prints the version of the program.
type VersionCmd struct{}

// Run prints the version, the commit and the Go version of the build.
func (*VersionCmd) Run(p *Program) error {
	b := readBuild()
	_, err := fmt.Fprintf(p.Stdout, "spool %s (%s) %s %s/%s\n", b.version, b.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// build holds the version and the commit of the program as texts.
type build struct{ version, commit string }

// readBuild returns the module version and the commit that the go command has recorded in the program.
// The texts are devel and commit unknown where it has recorded none.
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
