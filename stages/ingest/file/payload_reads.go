package file

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/gospool/spool/pipeline/isobmff"
)

// gather reads samples from the file directly into the payloads of a chunk's tracks. Pictures and sound are interleaved
// in the file, so one preadv(2) reads both, with a buffer for each run of adjacent samples of one track. No byte is
// copied a second time.
type gather struct {
	fileBytes int64         // size of the file
	sizes     []int         // payload bytes of each track
	pieces    []piece       // requested bytes
	iov       [][]byte      // buffers of one preadv(2)
	gap       [4 << 10]byte // receives the bytes between two requested pieces, which are not needed
}

type piece struct {
	at  int64
	dst []byte
}

// maxBuffers is the most buffers of one preadv(2): IOV_MAX.
const maxBuffers = 1024

func (g *gather) reset(tracks int) {
	g.pieces = g.pieces[:0]
	if cap(g.sizes) < tracks {
		g.sizes = make([]int, tracks)
	}
	g.sizes = g.sizes[:tracks]
}

// add requests the bytes of one track's samples into dst, one sample after another. The buffers in dst have exactly the
// total size of the samples.
func (g *gather) add(dst [][]byte, samples []isobmff.Sample) {
	var room []byte
	for i := range samples {
		at := samples[i].At
		for left := int(samples[i].SizeBytes); left > 0; {
			if len(room) == 0 {
				room, dst = dst[0], dst[1:]
			}
			n := min(left, len(room))
			g.want(at, room[:n])
			at, left, room = at+int64(n), left-n, room[n:]
		}
	}
}

// want requests the bytes at an offset into dst. It extends the newest piece if that ends at this offset and, in
// memory, directly before dst.
func (g *gather) want(at int64, dst []byte) {
	if k := len(g.pieces) - 1; k >= 0 {
		last := &g.pieces[k]
		end := len(last.dst)
		if last.at+int64(end) == at && cap(last.dst) > end && &last.dst[:end+1][end] == &dst[0] {
			last.dst = last.dst[:end+len(dst)]
			return
		}
	}
	g.pieces = append(g.pieces, piece{at, dst})
}

var errCutOff = errors.New("the file is cut off")

// read reads all bytes requested with add from f into their buffers. The error is errCutOff if a requested byte
// lies beyond the end that the file had when it was opened.
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
		if end > g.fileBytes {
			return fmt.Errorf("a sample before byte %d is not there: %w", end, errCutOff)
		}
		if err := readAll(f, g.iov, from); err != nil {
			return err
		}
	}
	return nil
}
