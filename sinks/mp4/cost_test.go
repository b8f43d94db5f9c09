package mp4

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/sinks/mp4/repair"
)

// hostileTrak returns a video trak with a sample table and further boxes in its minf.
func hostileTrak(id uint32, stbl []byte, further ...[]byte) []byte {
	return isobmfftest.Box("trak",
		isobmfftest.Box("tkhd", isobmfftest.U32(0, 0, 0, id)),
		isobmfftest.Box("mdia", isobmfftest.Box("mdhd", isobmfftest.U32(0, 0, 0, 1000, 0)), isobmfftest.Box("hdlr", isobmfftest.U32(0, 0), []byte("vide"), isobmfftest.U32(0, 0)),
			isobmfftest.Box("minf", append([][]byte{stbl}, further...)...)))
}

var noSamples = isobmfftest.Box("stbl", isobmfftest.Box("stsd", isobmfftest.U32(0, 0)))

func stblOf(parts ...[]byte) []byte {
	return isobmfftest.Box("stbl", append([][]byte{isobmfftest.Box("stsd", isobmfftest.U32(0, 0))}, parts...)...)
}

func traks(n int, stbl []byte) (all [][]byte) {
	for i := range n {
		all = append(all, hostileTrak(uint32(i+1), stbl))
	}
	return all
}

func moovOf(parts ...[]byte) []byte { return isobmfftest.Box("moov", parts...) }

var (
	ftyp = isobmfftest.Box("ftyp", []byte("isom"), isobmfftest.U32(0))
	mvex = isobmfftest.Box("mvex", isobmfftest.Box("trex", isobmfftest.U32(0, 1, 1, 40, 0, 0)))
)

// hostileFiles are files of about n bytes, each of which would cause endless work or unlimited memory
// in a repair that believes it.
var hostileFiles = map[string]func(n int) []byte{
	"boxes of 8 bytes": func(n int) []byte { return append(bytes.Clone(ftyp), isobmfftest.Again(isobmfftest.Box("free"), n)...) },
	"moovs of 8 bytes": func(n int) []byte { return append(bytes.Clone(ftyp), isobmfftest.Again(isobmfftest.Box("moov"), n)...) },
	"boxes of 8 bytes in an mdat": func(n int) []byte {
		inside := isobmfftest.Again(isobmfftest.Box("free"), n)
		return bytes.Join([][]byte{ftyp, isobmfftest.LargeHeader("mdat", uint64(16+len(inside))), inside}, nil)
	},
	"fragments of 16 bytes": func(n int) []byte {
		return bytes.Join([][]byte{ftyp, moovOf(hostileTrak(1, noSamples), mvex), isobmfftest.Again(append(isobmfftest.Box("moof"), isobmfftest.Box("mdat")...), n)}, nil)
	},
	"moofs without an mdat": func(n int) []byte {
		return bytes.Join([][]byte{ftyp, moovOf(hostileTrak(1, noSamples), mvex), isobmfftest.Again(isobmfftest.Box("moof"), n)}, nil)
	},
	"many tracks, many fragments": func(n int) []byte {
		moov := moovOf(append(traks(n/300, noSamples), mvex)...)
		return bytes.Join([][]byte{ftyp, moov, isobmfftest.Again(append(isobmfftest.Box("moof"), isobmfftest.Box("mdat")...), n/2)}, nil)
	},
	"as many tracks as there may be, many fragments": func(n int) []byte {
		moov := moovOf(append(traks(maxTracks, noSamples), mvex)...)
		return bytes.Join([][]byte{ftyp, moov, isobmfftest.Again(append(isobmfftest.Box("moof"), isobmfftest.Box("mdat")...), n)}, nil)
	},
	"many trex": func(n int) []byte {
		return bytes.Join([][]byte{ftyp, moovOf(append(traks(30, noSamples), isobmfftest.Box("mvex", isobmfftest.Again(isobmfftest.Box("trex", isobmfftest.U32(0, 1, 1, 1, 1, 1)), n)))...)}, nil)
	},
	"runs that claim samples of no size": func(n int) []byte {
		moof := isobmfftest.Box("moof", isobmfftest.Box("traf", isobmfftest.Box("tfhd", isobmfftest.U32(0, 1)), isobmfftest.Box("trun", isobmfftest.U32(0, 1<<20))))
		return bytes.Join([][]byte{ftyp, moovOf(hostileTrak(1, noSamples), mvex), isobmfftest.Again(append(moof, isobmfftest.Box("mdat")...), n)}, nil)
	},
	"runs of the same bytes": func(n int) []byte {
		trun := isobmfftest.Box("trun", isobmfftest.U32(isobmff.TrunDataOffset|isobmff.TrunSize, 1, 0, uint32(n)))
		moof := isobmfftest.Box("moof", isobmfftest.Box("traf", isobmfftest.Box("tfhd", isobmfftest.U32(isobmff.TfhdBaseIsMoof, 1)), isobmfftest.Again(trun, n)))
		return bytes.Join([][]byte{ftyp, moovOf(hostileTrak(1, noSamples), mvex), moof, isobmfftest.Box("mdat", make([]byte, n))}, nil)
	},
	"tables that claim samples of one size": func(n int) []byte {
		stbl := stblOf(isobmfftest.Box("stsz", isobmfftest.U32(0, 1, 1<<20)), isobmfftest.Box("stts", isobmfftest.U32(0, 1, 1<<20, 40)),
			isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, 1<<20, 1)), isobmfftest.Box("stco", isobmfftest.U32(0, 1, 0)))
		return bytes.Join([][]byte{ftyp, moovOf(traks(maxTracks, stbl)...), isobmfftest.Box("mdat", make([]byte, n))}, nil)
	},
	"tables that lead to and fro": func(n int) []byte {
		count := n / 32
		var stco []byte
		for i := range count {
			stco = append(stco, isobmfftest.U32(uint32(n/2*(i%2)+n/2+i))...)
		}
		stbl := stblOf(isobmfftest.Box("stsz", isobmfftest.U32(0, 0, uint32(count)), isobmfftest.Again(isobmfftest.U32(1), 4*(count-1))), isobmfftest.Box("stts", isobmfftest.U32(0, 1, uint32(count), 40)),
			isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, 1, 1)), isobmfftest.Box("stco", isobmfftest.U32(0, uint32(count)), stco))
		return bytes.Join([][]byte{ftyp, moovOf(hostileTrak(1, stbl)), isobmfftest.Box("mdat", isobmfftest.Again([]byte{1}, 2*n))}, nil)
	},
	"tables that lead to the same bytes": func(n int) []byte {
		count := n / 16
		stbl := stblOf(isobmfftest.Box("stsz", isobmfftest.U32(0, 0, uint32(count)), isobmfftest.Again(isobmfftest.U32(uint32(n)), 4*(count-1))), isobmfftest.Box("stts", isobmfftest.U32(0, 1, uint32(count), 40)),
			isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, 1, 1)), isobmfftest.Box("stco", isobmfftest.U32(0, uint32(count)), isobmfftest.Again(isobmfftest.U32(0), 4*(count-1))))
		return bytes.Join([][]byte{ftyp, moovOf(hostileTrak(1, stbl)), isobmfftest.Box("mdat", isobmfftest.Again([]byte{1}, n))}, nil)
	},
	"many sample tables, of which the first counts": func(n int) []byte {
		count := n / 16
		stbl := stblOf(isobmfftest.Box("stsz", isobmfftest.U32(0, 0, uint32(count)), isobmfftest.Again(isobmfftest.U32(1), 4*(count-1))), isobmfftest.Box("stts", isobmfftest.U32(0, 1, uint32(count), 40)),
			isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, uint32(count), 1)), isobmfftest.Box("stco", isobmfftest.U32(0, 1, 8)))
		trak := hostileTrak(1, stbl, isobmfftest.Again(isobmfftest.Box("stbl"), n/2))
		return bytes.Join([][]byte{ftyp, moovOf(trak), isobmfftest.Box("mdat", isobmfftest.Again([]byte{1}, count/2))}, nil)
	},
	"boxes within boxes": func(n int) []byte {
		deep := make([]byte, 0, n)
		for left := n; left > 8; left -= 8 {
			deep = append(append(deep, isobmfftest.U32(uint32(left-left%8))...), "mdia"...)
		}
		stbl := stblOf(isobmfftest.Box("stsz", isobmfftest.U32(0, 1, 64)), isobmfftest.Box("stts", isobmfftest.U32(0, 1, 64, 40)), isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, 64, 1)), isobmfftest.Box("stco", isobmfftest.U32(0, 1, 8)))
		return bytes.Join([][]byte{ftyp, moovOf(hostileTrak(1, stbl, deep)), isobmfftest.Box("mdat", make([]byte, 8))}, nil)
	},
	"what looks like our moov on each page": func(n int) []byte {
		b := bytes.Join([][]byte{ftyp, isobmfftest.Box("free", make([]byte, 64))}, nil)
		pages := n/pageBytes + 2
		b = append(b, make([]byte, pages*pageBytes-len(b))...)
		for i := 1; i < pages; i++ {
			copy(b[i*pageBytes:], append(isobmfftest.U32(uint32(len(b)-i*pageBytes)), "moov"...))
		}
		return b
	},
	"our chunks, all damaged": func(n int) []byte {
		chunk := append(isobmfftest.Box("moof", make([]byte, sealBytes+8)), isobmfftest.Box("mdat")...)
		return append(grownFile(), isobmfftest.Again(chunk, n)...)
	},
	"our finished file, and boxes of 8 bytes": func(n int) []byte {
		m := &memoryFile{grownFile()}
		f, _, err := openScan(m, "grown")
		if err != nil {
			panic(err)
		}
		var r Repaired
		if r.rebuild(f); r.Err != nil {
			panic(r.Err)
		}
		return append(m.b, isobmfftest.Again(isobmfftest.Box("free"), n)...)
	},
}

// grownFile returns a growing file of this program.
func grownFile() []byte {
	t := &testing.T{}
	set, chunks := synthetic{fps: 10, gop: 5, picture: 20, sound: true, chunks: 2}.make(t, media.NewPool(0))
	m := &memoryFile{}
	f, err := newFile(segment(set, 1), chunks[0], false, int64(time.Second))
	if err == nil {
		f.f, f.name = m, "grown.mp4.part"
		err = f.writeHeader(2048)
	}
	for _, c := range chunks {
		if err == nil {
			err = f.write(c)
		}
	}
	if err != nil {
		panic(err)
	}
	return bytes.Clone(m.b)
}

// TestTheCostOfRepairIsProportional checks that repair reads and allocates in proportion to a file's
// length, whatever its content. A read counts as a page.
func TestTheCostOfRepairIsProportional(t *testing.T) {
	for name, file := range hostileFiles {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			repairOf := func(n int) (read, allocated, size int64) {
				b := file(n)
				path := filepath.Join(dir, "hostile.mp4")
				require.NoError(t, os.WriteFile(path, b, 0o600))
				count := repair.Options{DryRun: true, Read: func(n int64) { read += n + pageBytes }}
				allocated = pipelinetest.Allocated(func() { _, _ = RepairAny(t.Context(), path, count) })
				return read, allocated, int64(len(b))
			}
			pipelinetest.Proportional(t, 256<<10, 1<<20, func(n int) int64 {
				read, allocated, size := repairOf(n)
				require.LessOrEqual(t, read, 4<<20+8*size, "bytes that are read")
				require.LessOrEqual(t, allocated, 4<<20+96*size, "bytes that are allocated")
				return read
			})
			pipelinetest.Proportional(t, 256<<10, 4<<20, func(n int) int64 {
				_, allocated, _ := repairOf(n)
				return allocated
			})
		})
	}
}

// TestTheCostOfLookingAtAFileIsProportional checks the same for reading one entry and one key frame.
func TestTheCostOfLookingAtAFileIsProportional(t *testing.T) {
	for name, file := range hostileFiles {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hostile.mp4")
			for what, look := range map[string]func(){
				"entry":     func() { _, _ = ReadEntry(path) },
				"playable":  func() { _, _ = Playable(path) },
				"key frame": func() { _, _ = KeyFrame(path, time.Now()) },
			} {
				pipelinetest.Proportional(t, 64<<10, 1<<20, func(n int) int64 {
					b := file(n)
					require.NoError(t, os.WriteFile(path, b, 0o600))
					cost := pipelinetest.Allocated(look)
					require.LessOrEqual(t, cost, int64(4<<20+16*len(b)), what)
					return cost
				})
			}
			m := &countedFile{memoryFile: memoryFile{file(256 << 10)}}
			_, _, _ = entryAt(m, "hostile")
			require.LessOrEqual(t, m.read, int64(1<<20+4*len(m.b)))
		})
	}
}

// countedFile counts the bytes read, each read as a page.
type countedFile struct {
	memoryFile
	read int64
}

func (m *countedFile) ReadAt(p []byte, off int64) (int, error) {
	m.read += int64(len(p)) + pageBytes
	return m.memoryFile.ReadAt(p, off)
}

// TestSamplesOfOneSizeThatAreNotThereAreLost checks a moov that was written before its media and
// claims more samples than the file has: the existing ones are recovered, also if the table has one
// size for all.
func TestSamplesOfOneSizeThatAreNotThereAreLost(t *testing.T) {
	stbl := stblOf(isobmfftest.Box("stsz", isobmfftest.U32(0, 4, 3600*8000)), isobmfftest.Box("stts", isobmfftest.U32(0, 1, 3600*8000, 1)),
		isobmfftest.Box("stsc", isobmfftest.U32(0, 1, 1, 3600*8000, 1)), isobmfftest.Box("stco", isobmfftest.U32(0, 1, 1000)))
	moov := moovOf(isobmfftest.Box("mvhd", isobmfftest.U32(0, 0, 0, 1000, 0), make([]byte, 80)), hostileTrak(1, stbl))
	b := bytes.Join([][]byte{ftyp, moov, isobmfftest.LargeHeader("mdat", uint64(1<<30))}, nil)
	copy(b[bytes.Index(b, []byte("stco"))+12:], isobmfftest.U32(uint32(len(b))))
	r, copied, err := mend(t, append(b, isobmfftest.Again([]byte{1}, 4*16000)...), repair.Options{})
	require.NoError(t, err)
	require.Equal(t, repair.Plain, r.Found)
	require.Equal(t, 16*time.Second, r.Kept.Round(time.Second))
	require.Equal(t, 3600*8*time.Second-16*time.Second, r.Lost.Round(time.Second))
	out, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.Less(t, len(out), 2*4*16000+4*16000+4096)
}
