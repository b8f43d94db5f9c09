package mp4

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// memoryFile is a File in memory.
type memoryFile struct{ b []byte }

func (m *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(p, m.b[off:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

func (m *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if end := off + int64(len(p)); end > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, end-int64(len(m.b)))...)
	}
	return copy(m.b[off:], p), nil
}

func (m *memoryFile) WritevAt(bufs [][]byte, off int64) error {
	_, err := m.WriteAt(bytes.Join(bufs, nil), off)
	return err
}

func (m *memoryFile) Truncate(n int64) error {
	if n > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, n-int64(len(m.b)))...)
	}
	m.b = m.b[:n]
	return nil
}
func (m *memoryFile) Datasync() error             { return nil }
func (m *memoryFile) Sync() error                 { return nil }
func (m *memoryFile) Allocate(int64, int64) error { return nil }
func (m *memoryFile) Punch(int64, int64) error    { return nil }
func (m *memoryFile) Size() (int64, error)        { return int64(len(m.b)), nil }
func (m *memoryFile) Close() error                { return nil }

// seedFiles returns a growing file of each form with small payloads, and finished ones.
func seedFiles(t testing.TB) (out [][]byte) {
	pool := media.NewPool(0)
	for _, fragment := range []bool{false, true} {
		set, chunks := synthetic{fps: 10, gop: 5, picture: 20, sound: true, chunks: 4}.make(t, pool)
		seg := segment(set, 1)
		m := &memoryFile{}
		f, err := newFile(seg, chunks[0], fragment, int64(time.Second))
		require.NoError(t, err)
		f.f, f.name = m, "seed.mp4.part"
		require.NoError(t, f.writeHeader(2048))
		for _, c := range chunks {
			require.NoError(t, f.write(c))
		}
		out = append(out, bytes.Clone(m.b))
		_, err = f.finish(media.StateFinished, endcause.Stop)
		require.NoError(t, err)
		out = append(out, m.b)
	}
	return out
}

// FuzzScanOfDamagedFiles repairs any bytes in memory: repair must not panic, and the next scan must
// find the repaired file finished.
func FuzzScanOfDamagedFiles(f *testing.F) {
	for _, b := range seedFiles(f) {
		f.Add(b, uint32(0), uint8(0), false)
		f.Add(b, uint32(len(b)/2), uint8(1), false)
		f.Add(b, uint32(5000), uint8(0xff), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint32, x uint8, reseal bool) {
		b = bytes.Clone(b)
		if len(b) > 0 {
			b[int(at)%len(b)] ^= x
		}
		if reseal {
			resealAll(b)
		}
		m := &memoryFile{b}
		file, form, err := openScan(m, "fuzz.mp4.part")
		if err != nil || form == finished {
			return
		}
		if form == headless {
			require.NoError(t, file.writeSize(file.lay.reserveBytes))
		}
		var r Repaired
		r.rebuild(file)
		if r.Err != nil || file.units == 0 {
			return
		}
		_, form, err = openScan(&memoryFile{m.b}, "fuzz.mp4")
		require.NoError(t, err)
		require.Equal(t, finished, form)
	})
}

// resealAll gives damaged chunks a matching checksum, so that the parser behind the checksum is fuzzed,
// too.
func resealAll(b []byte) {
	m := &memoryFile{b}
	file, form, err := openScan(m, "fuzz")
	if err != nil || form == finished {
		return
	}
	s := newChunkScan(file, int64(len(b)), file.sizeBytes)
	for {
		v, head, n, err := s.next()
		if err != nil || v == nothing {
			return
		}
		if v == damaged {
			chunk := b[s.pos : s.pos+n]
			crc := crc32.Update(file.seed, castagnoli, chunk[:head-4])
			crc = crc32.Update(crc, castagnoli, chunk[head:])
			binary.BigEndian.PutUint32(chunk[head-4:], crc)
		}
		s.pos += n
	}
}

// FuzzFragment fuzzes the parser of a moof alone.
func FuzzFragment(f *testing.F) {
	for _, b := range seedFiles(f)[:3] {
		file, form, err := openScan(&memoryFile{b}, "seed")
		if err != nil || form == finished {
			continue
		}
		s := newChunkScan(file, int64(len(b)), file.sizeBytes)
		v, head, n, err := s.next()
		require.NoError(f, err)
		require.Equal(f, whole, v)
		f.Add(s.buf[:head], n-head-8)
	}
	template, _, err := openScan(&memoryFile{seedFiles(f)[0]}, "seed")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, head []byte, payload int64) {
		var g fragment
		if template.parseFragment(&g, head, payload) != nil {
			return
		}
		total := int64(0)
		for i := range g.runs {
			c := &g.runs[i].cols
			require.Equal(t, c.Len(), len(c.SizeBytes))
			require.NotZero(t, c.Len())
			total += sizes(c)
		}
		require.Equal(t, payload, total)
	})
}

// FuzzEntry fuzzes the parser of a file's entry.
func FuzzEntry(f *testing.F) {
	for _, b := range seedFiles(f) {
		at := bytes.Index(b, []byte(entryUUID)) - 8
		f.Add(b[at:], false)
		f.Add(b[at:], true)
	}
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		b = bytes.Clone(b)
		if seal && len(b) > entryFixedBytes {
			n := int(binary.BigEndian.Uint32(b[84:]))
			if n >= 0 && n <= len(b)-entryFixedBytes {
				binary.BigEndian.PutUint32(b[88:], crc32.Checksum(b[entryFixedBytes:entryFixedBytes+n], castagnoli))
			}
		}
		e, _, err := findEntry(b)
		if err != nil {
			return
		}
		_, _ = e.recording("x.mp4", 1)
	})
}
