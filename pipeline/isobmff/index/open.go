package index

import (
	"fmt"
	"hash/crc32"
	"io"

	"github.com/gospool/spool/pipeline/isobmff"
)

// Index is an open index. It keeps the header in memory and reads the rest when it is needed. It is
// safe for concurrent use if the io.ReaderAt of Open is. In its methods, a track is an index in
// Tracks, and samples are numbered from 0 in decoding order.
type Index struct {
	Source Source // the file to which the index belongs
	Tracks []Track

	in        io.ReaderAt
	text      []byte  // the whole index; nil: it is read from in
	size      int64   // length of the index
	directory []int64 // offset of the directory entries of each track
	blocks    int64   // offset of the first block
}

// Open opens an index of size bytes. It reads and checks only the header; the methods of Index check
// each part that they read. It returns ErrDamaged, or an error of in. The Index uses in; the caller
// may close it when it no longer uses the Index.
func Open(in io.ReaderAt, size int64) (*Index, error) {
	return (&Index{in: in, size: size}).open()
}

// OpenBytes opens an index in memory: see Open. The Index uses text, which must not change.
func OpenBytes(text []byte) (*Index, error) {
	return (&Index{text: text, size: int64(len(text))}).open()
}

func (x *Index) open() (*Index, error) {
	head, err := x.read(0, headBytes)
	if err != nil {
		return nil, err
	}
	n := le.Uint32(head[12:])
	if string(head[:8]) != magic || le.Uint32(head[8:]) != Version || n > MaxTracks {
		return nil, fmt.Errorf("%w: its header", ErrDamaged)
	}
	copy(x.Source.Recording[:], head[16:])
	x.Source.Bytes, x.Source.Moov, x.Source.ModifiedNS = int64(le.Uint64(head[32:])), le.Uint32(head[48:]), int64(le.Uint64(head[52:]))
	rest, err := x.read(headBytes, trackBytes*int(n)+4)
	if err != nil {
		return nil, err
	}
	tracks, sum := rest[:len(rest)-4], le.Uint32(rest[len(rest)-4:])
	if sum != crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, tracks) || le.Uint64(head[40:]) != uint64(x.size) {
		return nil, fmt.Errorf("%w: the checksum of its header, or its length", ErrDamaged)
	}
	x.blocks = int64(headBytes + len(rest))
	for ; len(tracks) > 0; tracks = tracks[trackBytes:] {
		t := readTrack(tracks)
		if t.Timescale == 0 || t.Samples < 0 || t.Samples > maxSamples || t.EndTicks < -maxTicks || t.EndTicks > maxTicks || t.MinOffsetTicks > t.MaxOffsetTicks {
			return nil, fmt.Errorf("%w: track %d", ErrDamaged, t.ID)
		}
		x.Tracks = append(x.Tracks, t)
		x.directory = append(x.directory, x.blocks)
		x.blocks += t.blocks() * entryBytes
	}
	if x.Source.Bytes < 0 || x.Source.Bytes > maxPlace || x.blocks > x.size {
		return nil, fmt.Errorf("%w: its directory", ErrDamaged)
	}
	return x, nil
}

func readTrack(b []byte) (t Track) {
	t.ID, t.Timescale = le.Uint32(b), le.Uint32(b[4:])
	copy(t.Handler[:], b[8:12])
	t.Samples, t.EndTicks = int64(le.Uint64(b[12:])), int64(le.Uint64(b[20:]))
	t.MinOffsetTicks, t.MaxOffsetTicks = int32(le.Uint32(b[28:])), int32(le.Uint32(b[32:]))
	return t
}

// read returns n bytes of the index. The caller must not change them.
func (x *Index) read(at int64, n int) ([]byte, error) {
	if at > x.size-int64(n) {
		return nil, fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	if x.text != nil {
		return x.text[at : at+int64(n)], nil
	}
	b := make([]byte, n)
	if read, err := x.in.ReadAt(b, at); read < n {
		return nil, fmt.Errorf("read of the sample index at byte %d: %w", at, err)
	}
	return b, nil
}

// entry reads and checks the directory entry of a block, given by its number in the track from 0.
func (x *Index) entry(track int, block int64) (e entry, err error) {
	b, err := x.read(x.directory[track]+block*entryBytes, entryBytes)
	if err != nil {
		return e, err
	}
	body, sum := b[:entryBytes-4], le.Uint32(b[entryBytes-4:])
	if sum != crc32.Update(new(seeds).of(x.Source.Recording, track, block), castagnoli, body) {
		return e, fmt.Errorf("%w: the entry of block %d of track %d", ErrDamaged, block, x.Tracks[track].ID)
	}
	place := le.Uint64(b[16:])
	e = entry{
		dts: int64(le.Uint64(b)), at: int64(le.Uint64(b[8:])), pos: int64(place >> 16),
		sync: int64(le.Uint64(b[24:])) - 1, bytes: uint32(place & 0xffff), sum: le.Uint32(b[32:]),
	}
	if e.dts < -maxTicks || e.dts > maxTicks || e.at < 0 || e.at > maxPlace || e.bytes > maxBlock || e.sync < -1 || e.sync >= block*BlockSamples {
		return e, fmt.Errorf("%w: the entry of block %d of track %d", ErrDamaged, block, x.Tracks[track].ID)
	}
	return e, nil
}

// load reads and checks a block and its directory entry. It stores the block in into and returns
// the entry. number is the number of the block in the track, from 0.
func (x *Index) load(track int, number int64, into *block) (e entry, err error) {
	if e, err = x.entry(track, number); err != nil {
		return e, err
	}
	text, err := x.read(x.blocks+e.pos, int(e.bytes))
	if err != nil {
		return e, err
	}
	t := &x.Tracks[track]
	if crc32.Checksum(text, castagnoli) != e.sum || !into.read(text, &e, t.samplesIn(number), x.Source.Bytes) {
		return e, fmt.Errorf("%w: block %d of track %d", ErrDamaged, number, t.ID)
	}
	return e, nil
}

// Check reads all blocks and directory entries. It returns ErrDamaged if any of them is damaged, or
// an error of the io.ReaderAt of Open.
func (x *Index) Check() error {
	for i := range x.Tracks {
		c := x.Samples(i, 0)
		for {
			var s isobmff.Sample
			if ok, err := c.Next(&s); err != nil {
				return err
			} else if !ok {
				break
			}
		}
	}
	return nil
}
