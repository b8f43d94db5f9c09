package file

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// gather reads samples straight to where they belong in a chunk's arenas:
// pictures and sound lie interleaved in the file, so one preadv(2) with a buffer
// for each stretch reads what belongs to both, and nothing is copied twice.
type gather struct {
	size   int64 // of the file
	sizes  []int // of each track's payload
	pieces []piece
	iov    [][]byte
	gap    [4 << 10]byte // what lies between stretches and is not wanted
}

type piece struct {
	at  int64
	dst []byte
}

// maxBuffers is IOV_MAX.
const maxBuffers = 1024

func (g *gather) reset(tracks int) {
	g.pieces = g.pieces[:0]
	if cap(g.sizes) < tracks {
		g.sizes = make([]int, tracks)
	}
	g.sizes = g.sizes[:tracks]
}

// add wants the samples of one track in dst, one after another.
func (g *gather) add(dst []byte, samples []sample) {
	for i := range samples {
		s := &samples[i]
		n := int(s.size)
		if k := len(g.pieces) - 1; i > 0 && g.pieces[k].at+int64(len(g.pieces[k].dst)) == s.at {
			g.pieces[k].dst = g.pieces[k].dst[:len(g.pieces[k].dst)+n]
		} else {
			g.pieces = append(g.pieces, piece{s.at, dst[:n]})
		}
		dst = dst[n:]
	}
}

var errCutOff = errors.New("the file is cut off")

// read fills every destination.
func (g *gather) read(f *os.File) error {
	slices.SortFunc(g.pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	for i := 0; i < len(g.pieces); {
		from := g.pieces[i].at
		end := from
		g.iov = g.iov[:0]
		for i < len(g.pieces) && len(g.iov) < maxBuffers-1 {
			p := g.pieces[i]
			between := p.at - end
			if between < 0 || between > int64(len(g.gap)) {
				break
			}
			if between > 0 {
				g.iov = append(g.iov, g.gap[:between])
			}
			g.iov = append(g.iov, p.dst)
			end = p.at + int64(len(p.dst))
			i++
		}
		if end > g.size {
			return fmt.Errorf("a sample before byte %d is not there: %w", end, errCutOff)
		}
		if err := readAll(f, g.iov, from); err != nil {
			return err
		}
	}
	return nil
}

func readAll(f *os.File, bufs [][]byte, at int64) error {
	for len(bufs) > 0 {
		n, err := unix.Preadv(int(f.Fd()), bufs, at)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("read at byte %d: %w", at, err)
		case n == 0:
			return fmt.Errorf("read at byte %d: %w", at, io.ErrUnexpectedEOF)
		}
		at += int64(n)
		for n > 0 && n >= len(bufs[0]) {
			n -= len(bufs[0])
			bufs = bufs[1:]
		}
		if n > 0 {
			bufs[0] = bufs[0][n:]
		}
	}
	return nil
}

// sequential tells the kernel how the file is read. It is advice.
func sequential(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL) }
