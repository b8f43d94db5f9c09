package movie

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
)

// tableBytes is about the size of a part of a table that a reader makes at once.
const tableBytes = 64 << 10

// Reader reads the file of a plan. It has at most one recording open. It is an io.ReadSeeker, and gives access to the
// files of the recordings, for a copy within the kernel: see Stretch. It is not safe for concurrent use. The caller closes it.
type Reader struct {
	m       *Movie
	library *clip.Library
	at      int64

	open   *clip.Recording // of the source opened
	opened int             // index of the source; -1: none

	table   *table // that continues at tableAt
	tableAt int64
	walk    *stretches // that continues at walkAt
	walkAt  int64
	walkIn  io.SectionReader
	made    isobmff.Writer // memory of pending, for reuse
	pending []byte         // bytes from at on that have been made
}

// NewReader returns a reader of the file, from its begin.
func (m *Movie) NewReader(library *clip.Library) *Reader {
	return &Reader{m: m, library: library, opened: -1}
}

// Close closes the recording that is open.
func (r *Reader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open, r.opened, r.table, r.walk = nil, -1, nil, nil
	return err
}

// Seek sets the offset of the next read: see io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.m.SizeBytes
	}
	if offset < 0 {
		return 0, errors.New("movie: seek before the begin")
	}
	if offset != r.at {
		r.at, r.pending = offset, nil
	}
	return offset, nil
}

// Read reads the next bytes: see io.Reader.
func (r *Reader) Read(b []byte) (int, error) {
	from, n, err := r.Stretch()
	if err != nil {
		return 0, err
	}
	read, err := from.Read(b[:min(int64(len(b)), n)])
	r.Skip(int64(read))
	if err == io.EOF && read == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return read, nil
}

// Stretch returns a reader that has the next n bytes of the file, or io.EOF at the end. It is an *os.File, at the right offset, where
// a recording's file has them. The caller reads at most n bytes of it, and then calls Skip with their number. It is valid until
// the next call of a method.
func (r *Reader) Stretch() (from io.Reader, n int64, err error) {
	if r.at >= r.m.SizeBytes {
		return nil, 0, io.EOF
	}
	if len(r.pending) > 0 {
		return bytes.NewReader(r.pending), int64(len(r.pending)), nil
	}
	p, fixed := r.m.sheet.find(r.at)
	if p == nil {
		return bytes.NewReader(fixed), int64(len(fixed)), nil
	}
	if p.result == clockTexts {
		return r.texts(p)
	}
	if r.constant(p) {
		return bytes.NewReader(r.pending), int64(len(r.pending)), nil
	}
	if err := r.openFor(p); err != nil {
		return nil, 0, err
	}
	switch p.result {
	case clipBytes:
		return r.file(r.m.sources[p.part].fromByte+r.at-p.at, p.at+p.size-r.at)
	case partBytes:
		return r.samples(p)
	}
	if r.pending, err = r.entries(p); err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(r.pending), int64(len(r.pending)), nil
}

// Skip moves the offset by n bytes that the caller has read from the result of Stretch.
func (r *Reader) Skip(n int64) {
	r.at += n
	r.pending = r.pending[min(n, int64(len(r.pending))):]
}

// constant makes a piece of a table that needs no recording.
func (r *Reader) constant(p *piece) bool {
	if p.result != durations && p.result != offsets {
		return false
	}
	b := isobmff.Writer{B: r.made.B[:0]}
	if !r.m.constant(&b, p) {
		return false
	}
	r.made.B, r.table = b.B, nil
	r.pending = b.B[r.at-p.at:]
	return true
}

// openFor opens the recording of a piece; for a piece of a table the index of its samples is enough.
func (r *Reader) openFor(p *piece) error {
	source, open := p.part, r.library.Open
	switch p.result {
	case clipBytes:
	case partBytes:
		source = r.m.tracks[p.track].parts[p.part].source
	default:
		source, open = r.m.tracks[p.track].parts[p.part].source, r.library.OpenIndex
	}
	if r.opened == source && (r.open.File.File != nil || p.result < clipBytes) {
		return nil
	}
	if err := r.Close(); err != nil {
		return err
	}
	s := &r.m.sources[source]
	recording, err := open(s.id, s.path)
	if err != nil {
		return err
	}
	r.open, r.opened = recording, source
	return nil
}

// file returns n bytes of the open recording's file from an offset on.
func (r *Reader) file(at, n int64) (io.Reader, int64, error) {
	if at+n > r.open.File.Size {
		return nil, 0, fmt.Errorf("%w: the file has %d bytes, and the plan needs %d", errChanged, r.open.File.Size, at+n)
	}
	_, err := r.open.File.Seek(at, io.SeekStart)
	return r.open.File.File, n, err
}

// texts makes the texts of the clock from the offset r.at on.
func (r *Reader) texts(p *piece) (io.Reader, int64, error) {
	n, within := (r.at-p.at)/int64(clockBytes), (r.at-p.at)%int64(clockBytes)
	r.made.B = r.made.B[:0]
	r.m.clockTexts(&r.made, &r.m.clock.clips[p.part], n, tableBytes)
	r.table, r.pending = nil, r.made.B[within:]
	return bytes.NewReader(r.pending), int64(len(r.pending)), nil
}

// samples returns the next contiguous samples of a piece.
func (r *Reader) samples(p *piece) (io.Reader, int64, error) {
	if r.walk == nil || r.walkAt > r.at || r.walkAt < p.at {
		part := &r.m.tracks[p.track].parts[p.part]
		r.walk, r.walkAt = &stretches{c: r.open.Samples(part.track, part.first, part.end)}, p.at
		r.walkIn = io.SectionReader{}
	}
	for {
		if begin := r.walkAt - r.walkIn.Size(); r.at >= begin && r.at < r.walkAt {
			_, from, n := r.walkIn.Outer()
			return r.file(from+r.at-begin, n-(r.at-begin))
		}
		at, n, err := r.walk.next()
		if err != nil || n == 0 {
			return nil, 0, errors.Join(errChanged, err)
		}
		r.walkIn, r.walkAt = *io.NewSectionReader(r.open.File, at, n), r.walkAt+n
	}
}

// entries makes bytes of a table from the offset r.at on.
func (r *Reader) entries(p *piece) ([]byte, error) {
	if r.table == nil || r.tableAt > r.at || r.tableAt < p.at || r.tableAt >= p.at+p.size {
		skip := int64(0)
		if p.result == sizes {
			skip = (r.at - p.at) / 4
		}
		r.table, r.tableAt = r.m.newTable(r.open, p, skip), p.at+4*skip
	}
	for {
		r.made.B = r.made.B[:0]
		if err := r.table.more(&r.made, tableBytes); err != nil {
			return nil, err
		}
		if len(r.made.B) == 0 {
			return nil, errChanged
		}
		begin := r.tableAt
		r.tableAt += int64(len(r.made.B))
		if r.tableAt > p.at+p.size {
			return nil, errChanged
		}
		if r.at < r.tableAt {
			return r.made.B[r.at-begin:], nil
		}
	}
}
