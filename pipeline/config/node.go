// Package config reads configuration into a tree that knows where each value was
// written, and the strict decoder from such a tree into a struct.
package config

// Pos is where a value was written. The zero value is unknown.
type Pos struct {
	File      string // or "environment SPOOL_X", "flag --x", "default"
	Line, Col int    // from 1; 0 where it has no line
}

// Node is one value of a configuration.
type Node struct {
	Pos     Pos
	Path    string // keys from the root, with /: pipelines/default/stages/1/gop_ring
	Scalar  any    // nil, bool, int64, uint64, float64 or string, where Entries and List are nil
	IsMap   bool
	IsList  bool
	Entries []Entry // of a map, in the order they were written
	List    []*Node
	// Written is the text of a whole number that was written in another way than Scalar is
	// shown, such as 0o750. It is exported so that copies of a configuration keep it.
	Written string

	// Borrowed: the value belongs to another place of the configuration, which the map
	// around it names. It is decoded as if it were written, and YAML leaves it out.
	Borrowed bool
}

// Entry is one key of a map.
type Entry struct {
	Key   string
	Pos   Pos // of the key
	Value *Node
}
