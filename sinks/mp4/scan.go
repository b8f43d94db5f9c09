package mp4

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// form is the state of a file as its header shows it.
type form uint8

const (
	growing  form = iota + 1 // not finished, or finishing did not reach its flip
	finished                 // committed: no scan needed, at most a rename
	headless                 // the header was flipped halfway, or to a box that is missing
)

// openScan reads the header of one of our files into a file without chunks. For a finished file
// it sets only entry and size.
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

// openReserve reads a file of the form ftyp free ...
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

// complete checks that a final moov is valid, and that free and mdat boxes fill the rest of the
// file.
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

// openHeadless searches for the growing moov of a file whose header was flipped while the new
// moov is missing, because the disk acknowledged an fsync that it had not done. That moov begins
// on a page boundary.
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

// openFragmented reads a file of the form ftyp moov free ...
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
		return file, headless, nil // between the two writes of the flip
	}
	return file, form, err
}

// openGrowing reads the growing moov.
func (f *file) openGrowing(moov []byte, chunks int64) (*file, form, error) {
	e, at, err := findEntry(moov)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", f.name, err)
	}
	if f.tracks, err = parseTracks(moov, &e); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", f.name, err)
	}
	f.entry = e
	for i := range f.tracks {
		if f.tracks[i].kind == media.Video && f.tracks[f.lead].kind != media.Video {
			f.lead = i
		}
	}
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

// mehdIn returns the offset, in a growing moov's payload, of mehd or its placeholder: the first
// box of mvex.
func mehdIn(moov []byte) (at int64) {
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if boxes.Is("mvex") {
			return int64(boxes.At) + boxes.HeaderBytes
		}
		at = int64(boxes.At) + boxes.SizeBytes
	}
	return at
}

func moovType(moov []byte) []byte {
	if at := mehdIn(moov); at+8 <= int64(len(moov)) {
		return moov[at+4 : at+8]
	}
	return nil
}

// extent is a range of bytes of a file.
type extent struct{ at, bytes int64 }

// chunkScan reads and checks the chunks of a growing file one after another. Box sizes prove
// nothing: the end of a file may be zeros, or blocks of an older file.
type chunkScan struct {
	file      *file
	in        *filesystem.Ahead // for headers
	sizeBytes int64
	buf       []byte // [prft] moof
	data      []byte // payload, one block at a time
	pos       int64
}

// verdict is the result of a scan at an offset.
type verdict uint8

const (
	whole   verdict = iota + 1 // an intact chunk
	damaged                    // valid box sizes, but the checksum differs
	nothing                    // no chunk begins here
)

const scanBlockBytes = 1 << 20

// newChunkScan returns a scan that begins at offset pos of a file.
func newChunkScan(f *file, size, pos int64) *chunkScan {
	return &chunkScan{file: f, in: filesystem.NewAhead(f.f, size), sizeBytes: size, pos: pos}
}

// next reads the chunk at pos into the file's fragment. head is the size of the boxes before the
// mdat, n the chunk's size, both in bytes.
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

// measure reads the boxes before the payload. ok is false if there is no chunk.
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

// diskError returns the disk's errors, and nil for errors about content.
func diskError(err error) error {
	if isobmff.IsContent(err) {
		return nil
	}
	return err
}
