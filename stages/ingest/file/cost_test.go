package file

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// avcC is the configuration of a track of 320x240.
const avcC = "0164000dffe100196764000dacd94141fb011000000300100000030320f142996001000668ebe3cb22c0fdf8f800"

// hostileTrak returns a track of H.264 with sample tables.
func hostileTrak(id uint32, tables ...[]byte) []byte {
	config, _ := hex.DecodeString(avcC)
	entry := isobmfftest.Box("avc1", make([]byte, 24), []byte{1, 64, 0, 240}, make([]byte, 50), isobmfftest.Box("avcC", config))
	stbl := isobmfftest.Box("stbl", append([][]byte{isobmfftest.Box("stsd", isobmfftest.U32(0, 1), entry)}, tables...)...)
	return isobmfftest.Box("trak", isobmfftest.Box("tkhd", isobmfftest.U32(0, 0, 0, id)), isobmfftest.Box("mdia", isobmfftest.Box("mdhd", isobmfftest.U32(0, 0, 0, 1000, 0, 0)), isobmfftest.Box("minf", stbl)))
}

func movieOf(parts ...[]byte) []byte {
	return append(isobmfftest.Box("ftyp", []byte("isom")), isobmfftest.Box("moov", append([][]byte{isobmfftest.Box("mvhd", isobmfftest.U32(0, 0, 0, 1000))}, parts...)...)...)
}

// uniform returns the tables of samples that all have one size and duration, in chunks.
func uniform(size, samples, delta, perChunk uint32, chunks []uint32) [][]byte {
	return [][]byte{
		isobmfftest.Box("stsz", isobmfftest.U32(0, size, samples)), isobmfftest.Box("stts", isobmfftest.U32(0, 1, samples, delta)), isobmfftest.Box("stss", isobmfftest.U32(0, 1, 1)),
		isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, perChunk, 1)), isobmfftest.Box("stco", isobmfftest.U32(0, uint32(len(chunks))), isobmfftest.U32(chunks...)),
	}
}

var mvex = isobmfftest.Box("mvex", isobmfftest.Box("trex", isobmfftest.U32(0, 1, 1, 40, 0, 0)))

// hostileFiles are files of about n bytes that mislead a reader.
var hostileFiles = map[string]func(n int) []byte{
	"boxes of 8 bytes": func(n int) []byte { return isobmfftest.Again(isobmfftest.Box("free"), n) },
	"tracks": func(n int) []byte {
		trak := hostileTrak(1, uniform(1, 1, 1, 1, []uint32{0})...)
		return movieOf(isobmfftest.Again(trak, n))
	},
	"many samples of a byte, none of them in the file": func(n int) []byte {
		b := movieOf(hostileTrak(1, uniform(1, uint32(n), 40, uint32(n), []uint32{600})...))
		return append(b, isobmfftest.Box("mdat", make([]byte, n))...)
	},
	"samples without a size": func(n int) []byte {
		return append(movieOf(hostileTrak(1, isobmfftest.Box("stsz", isobmfftest.U32(0, 0, uint32(n/4)), make([]byte, n)), isobmfftest.Box("stts", isobmfftest.U32(0, 1, 1<<31, 1)),
			isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, 1<<31, 1)), isobmfftest.Box("stco", isobmfftest.U32(0, 1, 0)))), isobmfftest.Box("mdat")...)
	},
	"chunks on the same bytes": func(n int) []byte {
		chunks := n / 8
		b := movieOf(hostileTrak(1, uniform(uint32(n/4), uint32(chunks), 40, 1, make([]uint32, chunks))...))
		return append(b, isobmfftest.Box("mdat", make([]byte, n/2))...)
	},
	"samples of 4 bytes, each a second from the next": func(n int) []byte {
		b := movieOf(hostileTrak(1, uniform(4, uint32(n/4), 1000, uint32(n/4), []uint32{600})...))
		return append(b, isobmfftest.Box("mdat", make([]byte, n))...)
	},
	"samples of 5 bytes, each a key frame": func(n int) []byte {
		tables := uniform(5, uint32(n/5), 40, uint32(n/5), []uint32{600})
		b := movieOf(hostileTrak(1, append(tables[:2:2], tables[3:]...)...))
		return append(b, isobmfftest.Box("mdat", make([]byte, n))...)
	},
	"runs that claim samples of no size": func(n int) []byte {
		moof := isobmfftest.Box("moof", isobmfftest.Box("traf", isobmfftest.Box("tfhd", isobmfftest.U32(0, 1)), isobmfftest.Box("trun", isobmfftest.U32(0, 1<<20))))
		return append(movieOf(hostileTrak(1), mvex), isobmfftest.Again(append(moof, isobmfftest.Box("mdat")...), n)...)
	},
	"runs on the same bytes": func(n int) []byte {
		trun := isobmfftest.Box("trun", isobmfftest.U32(isobmff.TrunDataOffset|isobmff.TrunSize, 1, 0, uint32(n/2)))
		moof := isobmfftest.Box("moof", isobmfftest.Box("traf", isobmfftest.Box("tfhd", isobmfftest.U32(isobmff.TfhdBaseIsMoof, 1)), isobmfftest.Again(trun, n)))
		return bytes.Join([][]byte{movieOf(hostileTrak(1), mvex), moof, isobmfftest.Box("mdat", make([]byte, n))}, nil)
	},
	"fragments without a track": func(n int) []byte {
		return append(movieOf(hostileTrak(1), mvex), isobmfftest.Again(append(isobmfftest.Box("moof"), isobmfftest.Box("mdat")...), n)...)
	},
	"fragments of one sample": func(n int) []byte {
		moof := isobmfftest.Box("moof", isobmfftest.Box("traf", isobmfftest.Box("tfhd", isobmfftest.U32(isobmff.TfhdBaseIsMoof, 1)), isobmfftest.Box("trun", isobmfftest.U32(isobmff.TrunDataOffset|isobmff.TrunSize, 1, 68, 5))))
		return append(movieOf(hostileTrak(1), mvex), isobmfftest.Again(append(moof, isobmfftest.Box("mdat", make([]byte, 5))...), n)...)
	},
	"many trex": func(n int) []byte {
		return movieOf(append([][]byte{hostileTrak(1)}, isobmfftest.Box("mvex", isobmfftest.Again(isobmfftest.Box("trex", isobmfftest.U32(0, 1, 1, 1, 1, 1)), n)))...)
	},
	"an edit list that claims entries": func(n int) []byte {
		trak := hostileTrak(1, uniform(5, 1, 1, 1, []uint32{0})...)
		edts := isobmfftest.Box("edts", isobmfftest.Box("elst", isobmfftest.U32(0, 1<<32-1), isobmfftest.Again(isobmfftest.U32(1, 1<<32-1, 0), n)))
		return append(movieOf(append(append(isobmfftest.U32(uint32(len(trak)+len(edts))), trak[4:]...), edts...)), isobmfftest.Box("mdat", make([]byte, 8))...)
	},
	"an avcC that claims sets": func(n int) []byte {
		entry := isobmfftest.Box("avc1", make([]byte, 78), isobmfftest.Box("avcC", isobmfftest.Again([]byte{1, 1, 1, 1, 255, 255}, n)))
		return movieOf(isobmfftest.Box("trak", isobmfftest.Box("mdia", isobmfftest.Box("mdhd", isobmfftest.U32(0, 0, 0, 1, 0, 0)), isobmfftest.Box("minf", isobmfftest.Box("stbl", isobmfftest.Box("stsd", isobmfftest.U32(0, 1), entry))))))
	},
}

// For every file, the bytes read from it and the size and number of its chunks are proportional to its length.
func TestTheCostOfAFileIsProportional(t *testing.T) {
	for name, file := range hostileFiles {
		t.Run(name, func(t *testing.T) {
			pipelinetest.Proportional(t, 64<<10, 1<<20, func(n int) int64 {
				b, chunks, payload := file(n), int64(0), int64(0)
				path := write(t, b)
				allocated := pipelinetest.Allocated(func() { chunks, payload = readOut(t, path) })
				require.LessOrEqual(t, allocated, int64(8<<20+64*len(b)), "bytes that are allocated")
				require.LessOrEqual(t, payload, int64(4*len(b)), "bytes of media")
				require.LessOrEqual(t, chunks, int64(100+len(b)/200), "chunks")
				return allocated
			})
		})
	}
}

// A fragment has 32 bits for its duration.
func TestACoarseChunkFitsAFragment(t *testing.T) {
	b := movieOf(hostileTrak(1, uniform(4, 200, 1<<29, 200, []uint32{600})...))
	r, err := Open(write(t, append(b, isobmfftest.Box("mdat", make([]byte, 1000))...)), media.NewPool(1<<20), time.Second, time.Unix(1, 0), quiet)
	require.NoError(t, err)
	defer r.Close()
	r.Coarse()
	units := 0
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		units += c.AccessUnits()
		require.Less(t, c.Lead().EndTicks-c.Lead().DTS[0], int64(1<<32))
		c.Release()
	}
	require.Equal(t, 200, units)
}

// readOut reads a file as far as possible.
func readOut(t *testing.T, path string) (chunks, payload int64) {
	pool := media.NewPool(1 << 20)
	r, err := Open(path, pool, time.Second, time.Unix(1, 0), quiet)
	if err != nil {
		return 0, 0
	}
	defer r.Close()
	r.Coarse()
	for {
		c, err := r.Next()
		if err != nil {
			require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
			return chunks, payload
		}
		chunks, payload = chunks+1, payload+int64(c.Bytes())
		c.Release()
	}
}

func TestHostileFilesAreRefusedBeforeTheyAreRead(t *testing.T) {
	for name, want := range map[string]string{
		"many samples of a byte, none of them in the file": "claim 10000 access units, too many for a file of 10",
		"chunks on the same bytes":                         "bytes of media, the file has",
		"tracks":                                           "more than 64 tracks",
	} {
		n := 10000
		if name == "tracks" {
			n = 100_000
		}
		_, err := Open(write(t, hostileFiles[name](n)), media.NewPool(0), time.Second, time.Unix(1, 0), quiet)
		require.ErrorContains(t, err, want)
	}
}
