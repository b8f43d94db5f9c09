package index

import (
	"errors"
	"hash/crc32"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// ErrDamaged means that an index is damaged or of another version, and must be made again.
var ErrDamaged = errors.New("the sample index is damaged, or of another version")

// Version is the version of the format. An index of another version is ErrDamaged.
const Version = 1

const (
	magic      = "spoolidx"
	headBytes  = 64
	trackBytes = 64
	entryBytes = 40

	// BlockSamples is the number of samples of a block. The last block of a track may have fewer.
	BlockSamples = 256
	// MaxTracks is more than any recorder writes.
	MaxTracks = 64

	maxSamples = 1 << 40
	maxTicks   = math.MaxInt64 / 4
	maxPlace   = 1 << 60 // byte of a file

	// maxSampleBytes bounds the bytes of a sample, with its part of a block's overhead: duration 9
	// bytes, offset and size 5 each, sync flag 1, place 10.
	maxSampleBytes = 31
	maxBlock       = maxSampleBytes * BlockSamples
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Source identifies the file of an index. Its length and modification time are cheap to compare
// with the file. They detect a written file, but not bytes that a disk lost: then the index still
// says where the access units were.
type Source struct {
	Recording  media.ID
	Bytes      int64  // of the file
	ModifiedNS int64  // last modification, since 1970; 0: not known
	Moov       uint32 // CRC32C of its moov's payload: see Checksum
}

// Checksum returns the checksum of the payload of a moov, for a Source.
func Checksum(moov []byte) uint32 { return crc32.Checksum(moov, castagnoli) }

// Track describes a track as a whole.
type Track struct {
	ID             uint32
	Timescale      uint32         // ticks a second
	Handler        isobmff.FourCC // "vide", "soun"
	Samples        int64
	EndTicks       int64 // end of the last sample
	MinOffsetTicks int32 // least composition offset
	MaxOffsetTicks int32 // greatest composition offset
}

// Ticks converts a time of the movie, ns, to ticks of the track.
func (t *Track) Ticks(ns int64) int64 { return media.FromNanos(ns, t.Timescale) }

// NS converts a time of the track to one of the movie, ns.
func (t *Track) NS(ticks int64) int64 { return media.ToNanos(ticks, t.Timescale) }

func (t *Track) blocks() int64 { return (t.Samples + BlockSamples - 1) / BlockSamples }

// samplesIn returns the number of samples of a block.
func (t *Track) samplesIn(block int64) int {
	return int(min(BlockSamples, t.Samples-block*BlockSamples))
}

// entry describes a block in the directory.
type entry struct {
	dts   int64  // of its first sample
	at    int64  // byte of the recording's file where its first sample is
	pos   int64  // of the block, from where the blocks begin
	sync  int64  // number of the last sync sample before the block; -1: none
	bytes uint32 // of the block
	sum   uint32 // of the block
}

// seed begins the checksum of an entry.
func seed(id media.ID, track int, block int64) uint32 {
	var b [len(media.ID{}) + 12]byte
	n := copy(b[:], id[:])
	le.PutUint32(b[n:], uint32(track))
	le.PutUint64(b[n+4:], uint64(block))
	return crc32.Checksum(b[:], castagnoli)
}
