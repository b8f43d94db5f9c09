package file

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// avcC is that of a track of 320x240.
const avcC = "0164000dffe100196764000dacd94141fb011000000300100000030320f142996001000668ebe3cb22c0fdf8f800"

func u32(v ...uint32) (b []byte) {
	for _, v := range v {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func rawBox(fourcc string, parts ...[]byte) []byte {
	b := bytes.Join(parts, nil)
	return append(append(u32(uint32(8+len(b))), fourcc...), b...)
}

// again is about n bytes of one thing.
func again(part []byte, n int) []byte { return bytes.Repeat(part, n/len(part)+1) }

// hostileTrak is a track of H.264 with sample tables.
func hostileTrak(id uint32, tables ...[]byte) []byte {
	config, _ := hex.DecodeString(avcC)
	entry := rawBox("avc1", make([]byte, 24), []byte{1, 64, 0, 240}, make([]byte, 50), rawBox("avcC", config))
	stbl := rawBox("stbl", append([][]byte{rawBox("stsd", u32(0, 1), entry)}, tables...)...)
	return rawBox("trak", rawBox("tkhd", u32(0, 0, 0, id)), rawBox("mdia", rawBox("mdhd", u32(0, 0, 0, 1000, 0, 0)), rawBox("minf", stbl)))
}

func movieOf(parts ...[]byte) []byte {
	return append(rawBox("ftyp", []byte("isom")), rawBox("moov", append([][]byte{rawBox("mvhd", u32(0, 0, 0, 1000))}, parts...)...)...)
}

// uniform are the tables of samples that all have one size and duration, in chunks.
func uniform(size, samples, delta, perChunk uint32, chunks []uint32) [][]byte {
	return [][]byte{
		rawBox("stsz", u32(0, size, samples)), rawBox("stts", u32(0, 1, samples, delta)), rawBox("stss", u32(0, 1, 1)),
		rawBox("stsc", u32(0, 1, 1, perChunk, 1)), rawBox("stco", u32(0, uint32(len(chunks))), u32(chunks...)),
	}
}

var mvex = rawBox("mvex", rawBox("trex", u32(0, 1, 1, 40, 0, 0)))

// hostileFiles are files of about n bytes that lead a reader astray.
var hostileFiles = map[string]func(n int) []byte{
	"boxes of 8 bytes": func(n int) []byte { return again(rawBox("free"), n) },
	"tracks": func(n int) []byte {
		trak := hostileTrak(1, uniform(1, 1, 1, 1, []uint32{0})...)
		return movieOf(again(trak, n))
	},
	"many samples of a byte, none of which is told": func(n int) []byte {
		b := movieOf(hostileTrak(1, uniform(1, uint32(n), 40, uint32(n), []uint32{600})...))
		return append(b, rawBox("mdat", make([]byte, n))...)
	},
	"samples without a size": func(n int) []byte {
		return append(movieOf(hostileTrak(1, rawBox("stsz", u32(0, 0, uint32(n/4)), make([]byte, n)), rawBox("stts", u32(0, 1, 1<<31, 1)),
			rawBox("stsc", u32(0, 1, 1, 1<<31, 1)), rawBox("stco", u32(0, 1, 0)))), rawBox("mdat")...)
	},
	"chunks on the same bytes": func(n int) []byte {
		chunks := n / 8
		b := movieOf(hostileTrak(1, uniform(uint32(n/4), uint32(chunks), 40, 1, make([]uint32, chunks))...))
		return append(b, rawBox("mdat", make([]byte, n/2))...)
	},
	"samples of 4 bytes, each a second from the next": func(n int) []byte {
		b := movieOf(hostileTrak(1, uniform(4, uint32(n/4), 1000, uint32(n/4), []uint32{600})...))
		return append(b, rawBox("mdat", make([]byte, n))...)
	},
	"samples of 5 bytes, each a key frame": func(n int) []byte {
		tables := uniform(5, uint32(n/5), 40, uint32(n/5), []uint32{600})
		b := movieOf(hostileTrak(1, append(tables[:2:2], tables[3:]...)...))
		return append(b, rawBox("mdat", make([]byte, n))...)
	},
	"runs that claim samples of no size": func(n int) []byte {
		moof := rawBox("moof", rawBox("traf", rawBox("tfhd", u32(0, 1)), rawBox("trun", u32(0, 1<<20))))
		return append(movieOf(hostileTrak(1), mvex), again(append(moof, rawBox("mdat")...), n)...)
	},
	"runs on the same bytes": func(n int) []byte {
		trun := rawBox("trun", u32(isobmff.TrunDataOffset|isobmff.TrunSize, 1, 0, uint32(n/2)))
		moof := rawBox("moof", rawBox("traf", rawBox("tfhd", u32(isobmff.TfhdBaseIsMoof, 1)), again(trun, n)))
		return bytes.Join([][]byte{movieOf(hostileTrak(1), mvex), moof, rawBox("mdat", make([]byte, n))}, nil)
	},
	"fragments without a track": func(n int) []byte {
		return append(movieOf(hostileTrak(1), mvex), again(append(rawBox("moof"), rawBox("mdat")...), n)...)
	},
	"fragments of one sample": func(n int) []byte {
		moof := rawBox("moof", rawBox("traf", rawBox("tfhd", u32(isobmff.TfhdBaseIsMoof, 1)), rawBox("trun", u32(isobmff.TrunDataOffset|isobmff.TrunSize, 1, 68, 5))))
		return append(movieOf(hostileTrak(1), mvex), again(append(moof, rawBox("mdat", make([]byte, 5))...), n)...)
	},
	"many trex": func(n int) []byte {
		return movieOf(append([][]byte{hostileTrak(1)}, rawBox("mvex", again(rawBox("trex", u32(0, 1, 1, 1, 1, 1)), n)))...)
	},
	"an edit list that claims entries": func(n int) []byte {
		trak := hostileTrak(1, uniform(5, 1, 1, 1, []uint32{0})...)
		edts := rawBox("edts", rawBox("elst", u32(0, 1<<32-1), again(u32(1, 1<<32-1, 0), n)))
		return append(movieOf(append(append(u32(uint32(len(trak)+len(edts))), trak[4:]...), edts...)), rawBox("mdat", make([]byte, 8))...)
	},
	"an avcC that claims sets": func(n int) []byte {
		entry := rawBox("avc1", make([]byte, 78), rawBox("avcC", again([]byte{1, 1, 1, 1, 255, 255}, n)))
		return movieOf(rawBox("trak", rawBox("mdia", rawBox("mdhd", u32(0, 0, 0, 1, 0, 0)), rawBox("minf", rawBox("stbl", rawBox("stsd", u32(0, 1), entry))))))
	},
}

// Whatever a file says, what is read from it, and what its chunks hold and number, is
// in proportion to its length.
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

// A fragment has 32 bits for how long it is.
func TestACoarseChunkFitsAFragment(t *testing.T) {
	b := movieOf(hostileTrak(1, uniform(4, 200, 1<<29, 200, []uint32{600})...))
	r, err := Open(write(t, append(b, rawBox("mdat", make([]byte, 1000))...)), media.NewPool(1<<20), time.Second, time.Unix(1, 0), quiet)
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
		require.Less(t, c.Lead().End-c.Lead().DTS[0], int64(1<<32))
		c.Release()
	}
	require.Equal(t, 200, units)
}

// readOut reads a file as far as it can be read.
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

func TestWhatCannotBeInAFileIsSaidBeforeItIsRead(t *testing.T) {
	for name, want := range map[string]string{
		"many samples of a byte, none of which is told": "claims 10000 access units, which a file of 10",
		"chunks on the same bytes":                      "bytes of media, the file has",
		"tracks":                                        "more than 64 tracks",
	} {
		n := 10000
		if name == "tracks" {
			n = 100_000
		}
		_, err := Open(write(t, hostileFiles[name](n)), media.NewPool(0), time.Second, time.Unix(1, 0), quiet)
		require.ErrorContains(t, err, want)
	}
}
