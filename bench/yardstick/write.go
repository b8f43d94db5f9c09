package yardstick

import (
	"errors"
	"time"

	"github.com/gospool/spool/bench/movie"
)

// Write is the least work that recording a movie could cost: a bare write of as many bytes, in pieces of the length of
// a chunk, from as much memory as a muxer reads, with the same syncs.
type Write struct {
	Movie *movie.Movie
	Flush time.Duration // length of a piece
	Sync  string        // none, chunk or segment, as the setting of the mp4 stage
	Ahead bool          // writes into preallocated room: see File
}

// align is the distance of two addresses at which the kernel copies fastest: a page.
const align = 4096

// Run writes the file "bare" in dir. Each piece comes from memory that has the same offset in its page as the piece
// has in the file, which is the cheapest copy that the kernel can make.
func (w Write) Run(dir string) error {
	f, err := Create(dir, "bare", w.Ahead)
	if err != nil {
		return err
	}
	err = w.fill(f)
	if err == nil && w.Sync != "none" {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (w Write) fill(f *File) error {
	m := w.Movie
	piece := max(m.Bytes*int64(w.Flush)/int64(m.Length), 1)
	source := int64(len(m.Lap))
	for at, done := int64(0), int64(0); done < m.Bytes; {
		n := min(piece, m.Bytes-done)
		if at+n > source {
			at = done % min(align, source)
			n = min(n, source-at)
		}
		if _, err := f.Write(m.Lap[at : at+n]); err != nil {
			return err
		}
		at, done = at+n, done+n
		if w.Sync == "chunk" {
			if err := f.Datasync(); err != nil {
				return err
			}
		}
	}
	return nil
}
