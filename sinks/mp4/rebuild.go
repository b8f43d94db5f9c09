package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/repair"
)

// rebuild scans a growing file, truncates it after its last whole chunk and finishes it. It leaves
// a file without a whole chunk unchanged.
func (r *Repaired) rebuild(f *file) {
	if r.Err = r.scan(f); r.Err != nil || f.units == 0 {
		return
	}
	if r.Err = f.f.Truncate(f.sizeBytes); r.Err != nil {
		r.Err = f.fail("truncate", f.sizeBytes, r.Err)
		return
	}
	_, r.Err = f.finish(media.StateRecovered, endcause.Crash)
}

// scan reads every chunk and adds the whole chunks to the tables of f (file.record). After a
// damaged chunk it leaves out the chunks before the next whole one that begins with a key frame.
func (r *Repaired) scan(f *file) error {
	size, err := f.f.Size()
	if err != nil {
		return err
	}
	s := newChunkScan(f, size, f.sizeBytes)
	var skipped []extent
	broken := false
	for {
		v, head, n, err := s.next()
		if err != nil {
			return err
		}
		if v == nothing {
			r.tail(s, head, skipped)
			break
		}
		keep := v == whole && (!broken || f.startsGOP()) && f.fits()
		if !keep {
			broken = true
			skipped = append(skipped, extent{s.pos, n})
		} else {
			if len(skipped) > 0 {
				if err := r.skip(f, skipped); err != nil {
					return err
				}
				skipped, broken = nil, false
			}
			f.record(&f.frag, s.pos+head+8, n)
		}
		s.pos += n
	}
	return nil
}

// startsGOP reports whether the fragment that was read last (f.frag) begins with a sync sample
// of the lead track.
func (f *file) startsGOP() bool {
	for i := range f.frag.runs {
		if r := &f.frag.runs[i]; r.track == &f.tracks[f.lead] {
			return r.cols.Flags[0]&media.FlagSync != 0
		}
	}
	return false
}

// fits reports whether the fragment that was read last (f.frag) can follow the last recorded
// one: its sequence number and the decode times of its tracks are greater.
func (f *file) fits() bool {
	for i := range f.frag.runs {
		r := &f.frag.runs[i]
		if r.track.begun && r.cols.DTS[0] <= r.track.lastTicks {
			return false
		}
	}
	return f.frag.seq > f.seq
}

// skip leaves chunks in the middle of the file out of the recording, and counts them as lost. In an
// ordinary file no sample table will refer to them; in a fragmented file they become free boxes.
func (r *Repaired) skip(f *file, chunks []extent) error {
	for _, c := range chunks {
		if f.lay.fragment {
			if err := f.blank(c); err != nil {
				return err
			}
			f.index.add(c.bytes, 0, 0, false, false)
		}
		r.LostBytes += c.bytes
		f.sizeBytes += c.bytes
	}
	r.Reason = "chunks in the middle of the file are damaged"
	f.cutOut(chunks)
	lead := &f.tracks[f.lead]
	from := lead.mediaTimeTicks // the start of the file, if no sample precedes the gap
	if lead.begun {
		from = lead.table.EndTicks
	}
	for i := range f.frag.runs {
		if g := &f.frag.runs[i]; g.track == lead {
			r.Lost += time.Duration(media.ToNanos(g.cols.DTS[0]-from, lead.timescale))
		}
	}
	return nil
}

// blank overwrites the types of a chunk's boxes with free.
func (f *file) blank(c extent) error {
	for at := c.at; at < c.at+c.bytes; {
		h, err := isobmff.ReadHeader(f.f, at, c.at+c.bytes)
		if err != nil || h.SizeBytes == 0 {
			return f.fail("blank damaged chunk", at, err)
		}
		if err := f.writeAt([]byte("free"), at+4); err != nil {
			return err
		}
		at += h.SizeBytes
	}
	return nil
}

// tail counts the bytes behind the last whole chunk, which rebuild truncates, as lost. It counts
// none if finishing appended them (ownTail). skipped lists the damaged chunks behind the last
// whole one. If there are none, and the first head bytes at s.pos are the boxes of a fragment
// whose payload is incomplete, these boxes give the lost duration (spanOf). Otherwise tail
// estimates the duration by the number of lost bytes, in proportion to the whole chunks.
func (r *Repaired) tail(s *chunkScan, head int64, skipped []extent) {
	f := s.file
	left := s.sizeBytes - f.sizeBytes
	if left <= 0 || f.ownTail(s) {
		return
	}
	r.LostBytes += left
	r.Reason = "the end of the file is damaged or incomplete"
	lead := &f.tracks[f.lead]
	if head > 0 && len(skipped) == 0 {
		// The moof is complete and its payload is not: the moof gives the lost duration.
		if span, ok := f.spanOf(s.buf[:head]); ok {
			r.Lost += span
			return
		}
	}
	if kept := f.sizeBytes - f.lay.chunksAt; kept > 0 {
		d := media.ToNanos(lead.table.DurationTicks(), lead.timescale)
		r.Lost += time.Duration(float64(d) * float64(left) / float64(kept))
	}
}

// spanOf returns the duration of a fragment: the longest duration of a track in it. head has the
// boxes of the fragment before its payload. spanOf ignores tracks that it cannot read, and those
// of 24 hours and more; ok is false if no track is left.
func (f *file) spanOf(head []byte) (span time.Duration, ok bool) {
	moof := isobmff.Find(head, "moof")
	for boxes := isobmff.Walk(moof); boxes.Next(); {
		if !boxes.Is("traf") {
			continue
		}
		g := fragment{}
		next := int64(8 + len(moof) + 8)
		if len(g.runs) == 0 && f.parseTraf(&g, boxes.Payload, &next) == nil {
			c := &g.runs[0].cols
			d := time.Duration(media.ToNanos(c.EndTicks-c.DTS[0], g.runs[0].track.timescale))
			if d > span && d < 24*time.Hour {
				span, ok = d, true
			}
		}
	}
	return span, ok
}

// ownTail reports whether an interrupted finish left the box at s.pos, behind the last whole
// chunk: the free box with the final moov (finishTail) or, with fragment: true, the free box at
// the end (appendEnd). Truncating either box loses no media.
func (f *file) ownTail(s *chunkScan) bool {
	if s.pos != f.sizeBytes {
		return false
	}
	h, err := isobmff.ReadHeader(f.f, s.pos, s.sizeBytes)
	if err != nil || !h.Is("free") {
		return false
	}
	if f.lay.fragment {
		return h.SizeBytes == endBytes && s.sizeBytes-s.pos == endBytes
	}
	inner, err := isobmff.ReadHeader(f.f, s.pos+8, s.sizeBytes)
	return err != nil && errors.Is(err, isobmff.ErrEnd) || inner.Is("moov")
}

// discard removes a file of spool that has no media: it ends before its first chunk, or consists
// of zeros, which a power cut leaves if only the size was durable. It keeps any other file and
// sets r.Err. why is the error of openScan for the file. reason becomes r.Reason of a removed
// file.
func (r *Repaired) discard(fsys disk.FS, f disk.File, why error, reason string) {
	ours, err := begunByUs(f)
	switch {
	case err != nil:
		r.Err = err
	case ours:
		r.remove(fsys, reason)
	case errors.Is(why, isobmff.ErrEnd):
		r.Err = fmt.Errorf("%s: %w, and is not one of ours: %w", r.File, why, ErrNotOurs)
	default:
		r.Err = why
	}
}

// begunByUs reports whether a file begins with the ftyp of spool, or a part of it, and ends before
// the first chunk, or whether it consists of zeros.
func begunByUs(f disk.File) (bool, error) {
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	b := make([]byte, min(size, scanBlockBytes))
	for at := int64(0); at < size; at += int64(len(b)) {
		b = b[:min(size-at, int64(len(b)))]
		if _, err := f.ReadAt(b, at); err != nil {
			return false, fmt.Errorf("read at byte %d: %w", at, err)
		}
		if at == 0 {
			if size <= 4 {
				return true, nil
			}
			n := min(len(b)-4, len(ftypOurs))
			if string(b[4:4+n]) == ftypOurs[:n] {
				_, _, err := openScan(f, "")
				return errors.Is(err, isobmff.ErrEnd), nil
			}
		}
		if len(bytes.Trim(b, "\x00")) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// remove deletes the file r.File, which has no media, and sets r.Removed. If the name does not
// end in media.PartSuffix, an operator has renamed the file: remove keeps it and sets r.Err.
func (r *Repaired) remove(fsys disk.FS, reason string) {
	r.Reason = reason
	if !strings.HasSuffix(r.File, media.PartSuffix) {
		r.Err = fmt.Errorf("%s: %s: %w", r.File, reason, repair.ErrBeyondHelp)
		return
	}
	if r.Err = fsys.Remove(r.File); r.Err == nil {
		r.Removed = true
		r.Err = fsys.SyncDir(path.Dir(r.File))
		disk.Prune(fsys, r.File)
	}
}
