package peers

import (
	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/yardstick"
)

// Use says how a library is used. spool has both helps.
type Use struct {
	Kept bool // buffers are kept from part to part and from file to file, and samples go to the library by track
	Room bool // blocks are allocated ahead of the writes: see yardstick.File
}

// Muxer is a library in one use.
type Muxer interface {
	// Run writes a movie as fMP4 to the file "peer.mp4" in dir: one part for each second, without syncs. A payload is
	// valid only while Movie.Each gives it, as that of a receive buffer, so a muxer copies it.
	Run(m *movie.Movie, dir string) error
}

// fileName is the name of each file of a Muxer.
const fileName = "peer.mp4"

// Library is a compared library.
type Library struct {
	Name string
	New  func(Use) Muxer
	// Lacks lists the parts of spool's files that those of the library lack.
	Lacks string
}

// Libraries lists the compared libraries.
var Libraries = []Library{
	{"mediacommon", func(u Use) Muxer { return &mediacommon{use: u} }, "CRC of a chunk, catalogue entry, index, crash-safe end"},
	{"mp4ff", func(u Use) Muxer { return &mp4ff{use: u} }, "CRC of a chunk, catalogue entry, index, crash-safe end"},
}

func create(dir string, u Use) (*yardstick.File, error) {
	return yardstick.Create(dir, fileName, u.Room)
}
