// Package config parses configuration into a tree that records where each value was written, and
// decodes such a tree strictly into a struct.
package config

// Pos is the place where a value was written. The zero value is unknown.
type Pos struct {
	File      string // or "environment SPOOL_X", "flag --x", "default"
	Line, Col int    // from 1; 0 without a line
}

// Node is one value of a configuration.
type Node struct {
	Pos     Pos
	Path    string // keys from the root, with /: pipelines/default/stages/1/gop_ring
	Scalar  any    // nil, bool, int64, uint64, float64 or string, if Entries and List are nil
	IsMap   bool
	IsList  bool
	Entries []Entry // of a map, in the order they were written
	List    []*Node
	// Written is the text of a whole number that was written in another form than Scalar is shown,
	// such as 0o750. It is exported so that copies of a configuration keep it.
	Written string

	// Borrowed marks a value that belongs to another place of the configuration, which the
	// enclosing map names. It is decoded as if it were written, and YAML leaves it out.
	Borrowed bool
}

// Entry is one key of a map.
type Entry struct {
	Key   string
	Pos   Pos // of the key
	Value *Node
}
