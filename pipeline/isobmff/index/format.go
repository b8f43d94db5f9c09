package index

import (
	"errors"
	"hash/crc32"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// ErrDamaged reports that an index is damaged or has another version. It must be built again from
// its recording.
var ErrDamaged = errors.New("the sample index is damaged, or of another version")

// Version is the version of the format. Open returns ErrDamaged for an index of another version.
const Version = 1

const (
	magic      = "spoolidx"
	headBytes  = 64
	trackBytes = 64
	entryBytes = 40

	// BlockSamples is the number of samples in a block. The last block of a track may have fewer.
	BlockSamples = 256
	// MaxTracks is the greatest number of tracks in an index. No recorder writes as many.
	MaxTracks = 64

	maxSamples = 1 << 40           // samples of a track
	maxTicks   = math.MaxInt64 / 4 // time of a sample
	maxPlace   = 1 << 60           // offset in the recording's file

	// maxSampleBytes is the greatest average number of bytes that a block has for each sample:
	// duration 9 bytes, offset and size 5 each, sync flag 1, place 10, and a part of the rest.
	maxSampleBytes = 31
	maxBlock       = maxSampleBytes * BlockSamples
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Source describes the file to which an index belongs, as it was when the index was made. If the
// length or the modification time differs from the file's, the file was changed and the index does
// not match it. Both stay the same if the disk loses bytes of the file: the index then still has
// the places where the access units were.
type Source struct {
	Recording  media.ID
	Bytes      int64  // length of the file
	ModifiedNS int64  // modification time of the file, since 1970 UTC; 0: unknown
	Moov       uint32 // CRC32C of the payload of the file's moov: see Checksum
}

// Checksum returns the CRC32C of the payload of a moov, for Source.Moov.
func Checksum(moov []byte) uint32 { return crc32.Checksum(moov, castagnoli) }

// Track describes a track of an index.
type Track struct {
	ID             uint32
	Timescale      uint32         // ticks a second
	Handler        isobmff.FourCC // "vide", "soun"
	Samples        int64          // number of samples
	EndTicks       int64          // end of the last sample: its DTS plus its duration
	MinOffsetTicks int32          // least composition offset
	MaxOffsetTicks int32          // greatest composition offset
}

// Ticks converts a time of the movie in ns to ticks of the track.
func (t *Track) Ticks(ns int64) int64 { return media.FromNanos(ns, t.Timescale) }

// NS converts a time of the movie in ticks of the track to ns.
func (t *Track) NS(ticks int64) int64 { return media.ToNanos(ticks, t.Timescale) }

func (t *Track) blocks() int64 { return (t.Samples + BlockSamples - 1) / BlockSamples }

// samplesIn returns the number of samples in a block, given by its number from 0.
func (t *Track) samplesIn(block int64) int {
	return int(min(BlockSamples, t.Samples-block*BlockSamples))
}

// entry is one entry in the directory of an index, which describes a block: see the package
// comment.
type entry struct {
	dts   int64  // DTS of the block's first sample
	at    int64  // offset of the first sample in the recording's file
	pos   int64  // offset of the block from the first block of the index
	sync  int64  // number of the last sync sample before the block, from 0; -1: none
	bytes uint32 // length of the block
	sum   uint32 // CRC32C of the block
}

// seeds computes the seeds of the checksums of entries, in memory of its own.
type seeds [len(media.ID{}) + 12]byte

// of returns the seed of the checksum of an entry: it makes a checksum valid only for this
// recording, track and block.
func (s *seeds) of(id media.ID, track int, block int64) uint32 {
	n := copy(s[:], id[:])
	le.PutUint32(s[n:], uint32(track))
	le.PutUint64(s[n+4:], uint64(block))
	return crc32.Checksum(s[:], castagnoli)
}
