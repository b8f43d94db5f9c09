package mp4

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// form is the state of a file, as the boxes before its first chunk show it.
type form uint8

const (
	growing  form = iota + 1 // not finished, or a crash came before the commit that finishes it
	finished                 // committed: at most the rename is missing
	headless                 // a crash left the commit half done, or lost the boxes that it makes visible
)

// openScan reads the boxes before the first chunk of a file that spool wrote, and returns the
// file as its writer had it before the first chunk. For a finished file it sets only the entry
// and the size. It returns isobmff.ErrEnd if the file ends within these boxes, and ErrNotOurs if
// another program wrote it. name is for errors.
func openScan(f disk.File, name string) (*file, form, error) {
	size, err := f.Size()
	if err != nil {
		return nil, 0, err
	}
	s := &file{f: f, name: name}
	first, err := isobmff.ReadHeader(f, 0, size)
	if err != nil || !first.Is("ftyp") || first.SizeBytes == 0 || first.SizeBytes > pageBytes {
		if size == 0 || errors.Is(err, isobmff.ErrEnd) {
			return nil, 0, isobmff.ErrEnd
		}
		return nil, 0, fmt.Errorf("%s: does not begin with ftyp: %w", name, ErrNotOurs)
	}
	second, err := isobmff.ReadHeader(f, first.SizeBytes, size)
	switch {
	case err != nil:
		return nil, 0, err
	case second.Is("free"):
		return s.openReserve(first.SizeBytes, second, size)
	case second.Is("moov"):
		return s.openFragmented(first.SizeBytes, second, size)
	}
	return nil, 0, fmt.Errorf("%s: %q after ftyp: %w", name, second.Type, ErrNotOurs)
}

// openReserve continues openScan for a file that was written with fragment: false. Such a file has
// a free box at offset at, after the ftyp; size is the size of the file.
func (f *file) openReserve(at int64, free isobmff.Header, size int64) (*file, form, error) {
	l := &f.lay
	l.reserveAt, l.reserveBytes = at, free.SizeBytes
	next, err := isobmff.ReadHeader(f.f, at+free.SizeBytes, size)
	switch {
	case err == nil && next.Is("moov"):
		moov, err := isobmff.ReadPayload(f.f, at+free.SizeBytes, next, size, isobmff.MaxMoovBytes)
		if errors.Is(err, isobmff.ErrEnd) && free.SizeBytes > 8 {
			return nil, 0, err
		}
		if err == nil && isobmff.Find(moov, "mvex") != nil {
			l.moovAt, l.moovBytes = at+free.SizeBytes, next.SizeBytes
			return f.openGrowing(moov, l.moovAt+next.SizeBytes)
		}
		if err == nil && f.complete(moov, at+free.SizeBytes+next.SizeBytes, size) {
			return f, finished, nil
		}
	case err == nil && next.Is("mdat") && next.HeaderBytes == 16:
		end := at + free.SizeBytes + next.SizeBytes
		if last, err := isobmff.ReadHeader(f.f, end, size); err == nil && last.Is("moov") {
			if moov, err := isobmff.ReadPayload(f.f, end, last, size, isobmff.MaxMoovBytes); err == nil && f.complete(moov, size, size) {
				return f, finished, nil
			}
		}
	case errors.Is(err, isobmff.ErrEnd):
		return nil, 0, err
	}
	return f.openHeadless(size)
}

// complete reports whether a file with a final moov is finished: the moov has a valid entry, and
// free and mdat boxes fill the file from offset next to its end. It sets f.entry and
// f.sizeBytes.
func (f *file) complete(moov []byte, next, size int64) bool {
	var err error
	if f.entry, _, err = findEntry(moov); err != nil || f.entry.outcome.state == media.StateRecording {
		return false
	}
	in := filesystem.NewAhead(f.f, size)
	for next < size {
		h, err := isobmff.ReadHeader(in, next, size)
		if err != nil || h.SizeBytes == 0 || next+h.SizeBytes > size || !h.Is("free") && !h.Is("mdat") {
			return false
		}
		next += h.SizeBytes
	}
	f.sizeBytes = size
	f.entry.mendEnd(mayBeLapse(moov))
	return next == size
}

// openHeadless searches for the growing moov of a file without a valid box behind its reserve.
// finish shrank the reserve, a free box, to show the final moov, but the final moov is missing:
// the disk acknowledged an fsync that it had not done. The growing moov begins on a page
// boundary. openHeadless returns ErrNotOurs if it finds none.
func (f *file) openHeadless(size int64) (*file, form, error) {
	for at, read := int64(pageBytes), int64(0); at < size && at <= maxMoovBytes+pageBytes && read <= size; at += pageBytes {
		h, err := isobmff.ReadHeader(f.f, at, size)
		if err != nil || !h.Is("moov") || h.SizeBytes > size-at {
			continue
		}
		read += h.SizeBytes // limits the cost of data that looks like many moovs
		moov, err := isobmff.ReadPayload(f.f, at, h, size, isobmff.MaxMoovBytes)
		if err != nil || isobmff.Find(moov, "mvex") == nil {
			continue
		}
		f.lay.moovAt, f.lay.moovBytes = at, h.SizeBytes
		f.lay.reserveBytes = at - f.lay.reserveAt
		if _, _, err := f.openGrowing(moov, at+h.SizeBytes); err == nil {
			return f, headless, nil
		}
	}
	return nil, 0, fmt.Errorf("%s: no moov: %w", f.name, ErrNotOurs)
}

// openFragmented continues openScan for a file that was written with fragment: true. Such a file
// has a moov, with header h, at offset at, after the ftyp; size is the size of the file.
func (f *file) openFragmented(at int64, h isobmff.Header, size int64) (*file, form, error) {
	l := &f.lay
	moov, err := isobmff.ReadPayload(f.f, at, h, size, isobmff.MaxMoovBytes)
	if err != nil {
		return nil, 0, err
	}
	if isobmff.Find(moov, "mvex") == nil {
		return nil, 0, fmt.Errorf("%s: %w", f.name, ErrNotOurs)
	}
	l.fragment, l.moovAt, l.moovBytes = true, at, h.SizeBytes
	l.reserveAt = at + h.SizeBytes
	free, err := isobmff.ReadHeader(f.f, l.reserveAt, size)
	if err != nil || !free.Is("free") {
		return nil, 0, isobmff.ErrEnd
	}
	l.reserveBytes = free.SizeBytes
	next, err := isobmff.ReadHeader(f.f, l.reserveAt+free.SizeBytes, size)
	if err == nil && next.Is("sidx") && next.SizeBytes < maxSidxBytes {
		l.reserveBytes += next.SizeBytes
	}
	if l.reserveAt+l.reserveBytes > size {
		return nil, 0, isobmff.ErrEnd
	}
	file, form, err := f.openGrowing(moov, l.reserveAt+l.reserveBytes)
	if err == nil && form == growing && next.Is("sidx") {
		return file, headless, nil // the commit made sidx visible and not yet mehd
	}
	return file, form, err
}

// openGrowing continues openScan: it reads the tracks and the entry from moov, the payload of
// the growing moov. chunks is the offset of the first chunk. The form is finished if the moov
// has a mehd and the entry an end, as in a finished fragmented file, and otherwise growing.
func (f *file) openGrowing(moov []byte, chunks int64) (*file, form, error) {
	e, at, err := findEntry(moov)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", f.name, err)
	}
	if f.tracks, err = parseTracks(moov, &e); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", f.name, err)
	}
	f.entry = e
	f.lead = leadIndex(f.tracks)
	f.lay.entryAt = f.lay.moovAt + 8 + int64(at)
	f.lay.mehdAt = f.lay.moovAt + 8 + mehdIn(moov)
	f.lay.chunksAt, f.sizeBytes = chunks, chunks
	f.seed = seedOf(e.identity.ID)
	if e.outcome.state != media.StateRecording && string(moovType(moov)) == "mehd" {
		if f.sizeBytes, err = f.f.Size(); err != nil {
			return nil, 0, err
		}
		f.entry.mendEnd(len(f.tracks) == 1 && f.tracks[0].kind == media.Video)
		return f, finished, nil
	}
	return f, growing, nil
}

// mehdIn returns the offset, in the payload of a growing moov, of the first box of the mvex: the
// mehd of a finished file, or the free box in its place. Without an mvex it returns the end of the
// boxes.
func mehdIn(moov []byte) (at int64) {
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if boxes.Is("mvex") {
			return int64(boxes.At) + boxes.HeaderBytes
		}
		at = int64(boxes.At) + boxes.SizeBytes
	}
	return at
}

// moovType returns the type of the first box in the mvex of a growing moov: mehd if the file is
// finished as a fragmented one, and free before. It returns nil if there is no such box.
func moovType(moov []byte) []byte {
	if at := mehdIn(moov); at+8 <= int64(len(moov)) {
		return moov[at+4 : at+8]
	}
	return nil
}

// extent is a range of bytes of a file.
type extent struct{ at, bytes int64 }

// chunkScan reads the chunks of a growing file one after another. Its method next accepts no chunk
// without a matching seal, because the end of a file may be zeros, or blocks of an older file.
type chunkScan struct {
	file      *file
	in        *filesystem.Ahead // reads box headers
	sizeBytes int64             // size of the file
	buf       []byte            // [prft] moof of the chunk at pos
	data      []byte            // buffer for a block of a payload
	pos       int64             // offset of the next chunk
}

// verdict is the result of reading a chunk.
type verdict uint8

const (
	whole   verdict = iota + 1 // an intact chunk
	damaged                    // valid box sizes, but the checksum differs
	nothing                    // no chunk begins here
)

const scanBlockBytes = 1 << 20

// newChunkScan returns a scan of a file of size bytes that begins at offset pos.
func newChunkScan(f *file, size, pos int64) *chunkScan {
	return &chunkScan{file: f, in: filesystem.NewAhead(f.f, size), sizeBytes: size, pos: pos}
}

// next reads the chunk at s.pos into s.file.frag; the caller advances s.pos. head is the size of
// the boxes before the mdat and n the size of the chunk, both in bytes; both are 0 if unknown.
func (s *chunkScan) next() (v verdict, head, n int64, err error) {
	head, payload, ok, err := s.measure()
	if err != nil || !ok {
		return nothing, 0, 0, err
	}
	n = head + 8 + payload
	if s.pos+n > s.sizeBytes {
		return nothing, head, n, nil
	}
	sealed, err := s.sealed(head, payload)
	if err != nil {
		return nothing, 0, 0, err
	}
	if !sealed || s.file.parseFragment(&s.file.frag, s.buf[:head], payload) != nil {
		return damaged, head, n, nil
	}
	return whole, head, n, nil
}

// measure reads the boxes before the payload of the chunk at s.pos into s.buf. head is their
// size up to the mdat, payload that of the samples, both in bytes. ok is false if no chunk
// begins at s.pos.
func (s *chunkScan) measure() (head, payload int64, ok bool, err error) {
	at := s.pos
	for _, want := range [...]string{"prft", "moof"} {
		h, err := isobmff.ReadHeader(s.in, at, s.sizeBytes)
		if err != nil {
			return 0, 0, false, diskError(err)
		}
		if want == "prft" && h.Is("moof") {
			continue
		}
		if !h.Is(want) || h.SizeBytes == 0 || h.SizeBytes > isobmff.MaxMoofBytes || at+h.SizeBytes > s.sizeBytes {
			return 0, 0, false, nil
		}
		at += h.SizeBytes
	}
	h, err := isobmff.ReadHeader(s.in, at, s.sizeBytes)
	if err != nil {
		return 0, 0, false, diskError(err)
	}
	head = at - s.pos
	if !h.Is("mdat") || h.HeaderBytes != 8 || h.SizeBytes < 8 || head < sealBytes+8 {
		return 0, 0, false, nil
	}
	if int64(cap(s.buf)) < head {
		s.buf = make([]byte, head, head*2)
	}
	s.buf = s.buf[:head]
	if _, err := s.in.ReadAt(s.buf, s.pos); err != nil {
		return 0, 0, false, fmt.Errorf("read at byte %d: %w", s.pos, err)
	}
	return head, h.SizeBytes - 8, true, nil
}

// diskError returns err if the disk caused it, and nil if the content of the file did.
func diskError(err error) error {
	if isobmff.IsContent(err) {
		return nil
	}
	return err
}
