// Package config parses a configuration into a tree that records where each value was written, and strictly
// decodes such a tree into a struct.
package config

import "strings"

// Pos is the place where a value was written. The zero value means an unknown place.
type Pos struct {
	File      string // name of the file, or "environment SPOOL_X", "flag --x" or "default"
	Line, Col int    // from 1; 0 if the place has no lines
}

// InFile reports whether the value was written in a configuration file: not in the environment or a flag, and not a default.
func (p Pos) InFile() bool {
	return p.File != "" && p.File != "default" && !strings.HasPrefix(p.File, "environment ") && !strings.HasPrefix(p.File, "flag ")
}

// Node is one value of a configuration: a map, a list or a scalar.
type Node struct {
	Pos     Pos
	Path    string // keys from the root: pipelines/default/stages/1/gop_ring
	Scalar  any    // nil, bool, int64, uint64, float64 or string; nil for a map or a list
	IsMap   bool
	IsList  bool
	Entries []Entry // entries of a map, in the order in which they were written
	List    []*Node
	// Written is the text of a whole number that was written in another form than Scalar prints, such as 0o750.
	// It is exported so that code which copies nodes keeps it.
	Written string

	// Borrowed is true for a value that was copied here from another place of the configuration, which the
	// enclosing map names. Decode reads it like a written value, but the method YAML leaves it out.
	Borrowed bool
}

// Entry is one key of a map with its value.
type Entry struct {
	Key   string
	Pos   Pos // position of the key
	Value *Node
}
