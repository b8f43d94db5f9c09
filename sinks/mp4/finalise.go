package mp4

import (
	"syscall"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	samples "github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// minReserveBytes is the smallest size of the reserve, the free box at layout.reserveAt. It
// suffices for a moov at the end of the file (finishTail): 8 bytes for the header of the free
// box that remains, and 16 for the header of the mdat.
const minReserveBytes = 24

// finish turns the growing file into a finished one with the given state and end reason, and
// returns the number of bytes written. The file keeps its name. Recovery calls finish too.
//
// Invariant: whichever of the writes between two fsyncs reach the disk, the file is valid, either
// as the growing or as the finished file.
func (f *file) finish(state media.State, reason media.Cause) (written int64, err error) {
	if written, err = f.finalise(state, reason); err == nil {
		f.ahead.GiveBack(f.f, f.sizeBytes)
	}
	return written, err
}

func (f *file) finalise(state media.State, reason media.Cause) (written int64, err error) {
	f.conclude(state, reason)
	if f.syncFail != nil {
		return 0, f.syncFail
	}
	if f.lay.fragment {
		return f.finishIndex()
	}
	return f.finishPlain()
}

// finishPlain finishes the file as an ordinary MP4 file, with the moov in the reserve
// (finishHead) or at the end of the file (finishTail). If the disk has no room for either, it
// finishes the file as a fragmented file by finishAsGrown.
func (f *file) finishPlain() (written int64, err error) {
	f.entry.eventsRoomBytes = len(f.entry.encodeEvents(0))
	f.entry.gapsRoomBytes = 0 // a finished file gets no further gaps
	f.w.B = append(f.w.B[:0], make([]byte, 0, f.tableBytes())...)
	writeFinalMoov(&f.w, f.tracks, &f.entry)
	if f.w.Err() != nil {
		return 0, f.w.Err()
	}
	f.moovSum = samples.Checksum(f.w.B[8:])
	if moov := f.w.B; int64(len(moov)) <= f.lay.reserveBytes-minReserveBytes {
		written, err = f.finishHead(moov)
	} else {
		written, err = f.finishTail(moov)
	}
	if f.syncFail == nil && noRoom(err) { // even in the reserve, if its blocks are not allocated
		if err := f.writeSize(f.lay.reserveBytes); err != nil { // the failed write may have been the flip
			return 0, err
		}
		return f.finishAsGrown()
	}
	return written, err
}

// sampleIndex returns the encoded sample index of the file, which must be finished. modifiedNS
// is the file's modification time, ns since 1970 UTC.
func (f *file) sampleIndex(id media.ID, modifiedNS int64) ([]byte, error) {
	of := samples.Source{Recording: id, Bytes: f.sizeBytes, ModifiedNS: modifiedNS, Moov: f.moovSum}
	fragments := f.lay.fragment || f.asGrown
	if fragments { // the moov was written in parts, so that its checksum needs a read
		moov := make([]byte, f.lay.moovBytes-8)
		if n, err := f.f.ReadAt(moov, f.lay.moovAt+8); n < len(moov) {
			return nil, f.fail("read moov", f.lay.moovAt, err)
		}
		of.Moov = samples.Checksum(moov)
	}
	tables := make([]sampleindex.Table, len(f.tracks))
	for i := range f.tracks {
		t := &f.tracks[i]
		tables[i] = sampleindex.Table{Track: t.indexed(), Samples: &t.table, ShiftTicks: t.movieShiftTicks(fragments)}
	}
	return sampleindex.Encode(of, tables)
}

// noRoom reports whether an error means that the disk is full, the quota is used up, or the file
// system permits no larger file.
func noRoom(err error) bool {
	return filesystem.NoRoom(err) || filesystem.Is(err, syscall.EFBIG)
}

// durationNS returns the duration of the movie: the end of the track that ends last.
func (f *file) durationNS() int64 {
	return media.ToNanos(movieDurationTicks(f.tracks), movieTimescale)
}

func (f *file) tableBytes() int {
	n := pageBytes + f.entry.eventsRoomBytes + f.entry.gapsRoomBytes
	for i := range f.tracks {
		n += len(f.tracks[i].stsd) + 1024 + f.tracks[i].table.Bytes()
	}
	return n
}

// finishHead puts the final moov into the reserve, a free box of R bytes, and returns the number of
// bytes written. The free box hides the boxes in brackets until the flip shrinks it:
//
//	before  ftyp free(R){ ....................................... } moov (moof mdat)*
//	write   ftyp free(R){ [moov] [free .......] [mdat 16 bytes] } moov (moof mdat)*
//	fsync
//	flip    ftyp free(8) moov free(...) mdat{ moov (moof mdat)* }
//	fsync
//
// The padding between moov and mdat is not written: finishHead deallocates its whole blocks.
func (f *file) finishHead(moov []byte) (written int64, err error) {
	l := &f.lay
	mdatAt := l.reserveAt + l.reserveBytes - 16
	moovEnd := l.reserveAt + 8 + int64(len(moov))
	pad := mdatAt - moovEnd
	w := isobmff.Writer{B: moov}
	if pad >= 8 {
		w.Header("free", uint32(pad))
	} else {
		mdatAt = moovEnd // too small for a box: it becomes part of the mdat
	}
	var mdat isobmff.Writer
	mdat.LargeHeader("mdat", f.sizeBytes-mdatAt)
	if pad < 8 || pad == 8 {
		w.B = append(w.B, mdat.B...)
		mdat.B = nil
	}
	if err := f.writeAt(w.B, l.reserveAt+8); err != nil {
		return 0, err
	}
	if len(mdat.B) > 0 {
		if err := f.writeAt(mdat.B, mdatAt); err != nil {
			return 0, err
		}
	}
	if err := f.flip(8); err != nil {
		return 0, err
	}
	f.punch(moovEnd+8, mdatAt)
	return int64(len(w.B) + len(mdat.B) + 4), nil
}

// finishTail appends a final moov that does not fit into the reserve, a free box of R bytes, and
// returns the number of bytes written. The free box hides the header in brackets until the flip
// shrinks it:
//
//	before  ftyp free(R){ ................... } moov (moof mdat)*
//	append  ftyp free(R){ .. [mdat 16 bytes] } moov (moof mdat)* free{ moov }
//	fsync
//	flip    ftyp free(R-16) mdat{ moov (moof mdat)* free's header } moov
//	fsync
func (f *file) finishTail(moov []byte) (written int64, err error) {
	l := &f.lay
	var wrapper, mdat isobmff.Writer
	wrapper.Header("free", uint32(8+len(moov)))
	if err := f.f.WritevAt([][]byte{wrapper.B, moov}, f.sizeBytes); err != nil {
		_ = f.f.Truncate(f.sizeBytes)
		return 0, f.fail("write moov", f.sizeBytes, err)
	}
	mdatAt := l.reserveAt + l.reserveBytes - 16
	mdat.LargeHeader("mdat", f.sizeBytes+8-mdatAt)
	if err := f.writeAt(mdat.B, mdatAt); err != nil {
		return 0, err
	}
	if err := f.flip(l.reserveBytes - 16); err != nil {
		return 0, err
	}
	f.sizeBytes += int64(8 + len(moov))
	f.punch(l.reserveAt+8, mdatAt)
	return int64(8 + len(moov) + 16 + 4), nil
}

// flip commits the finished form: it sets the size of the reserve's free box, in bytes, and so
// shows the boxes that were hidden in it. This is one write of 4 bytes that no sector boundary
// divides. The fsync before it is essential: with the new size on the disk but without the moov
// no player opens the file.
func (f *file) flip(size int64) error {
	if err := f.sync(); err != nil {
		return err
	}
	f.committed = true
	if err := f.writeSize(size); err != nil {
		return err
	}
	return f.sync()
}

// writeSize sets the size, in bytes, of the reserve, the free box at layout.reserveAt.
func (f *file) writeSize(size int64) error {
	var w isobmff.Writer
	w.U32(uint32(size))
	return f.writeAt(w.B, f.lay.reserveAt)
}

// finishIndex completes a fragmented file, and returns the number of bytes written. It puts the
// sidx, of K bytes, at the end of the reserve, a free box of S bytes, so that no box is between the
// sidx and the first fragment. The free box hides the sidx until finishIndex shrinks the free box:
//
//	before  ftyp moov{ mvex{ free(20) } } free(S){ ................ } (moof mdat)*
//	append  ftyp moov{ mvex{ free(20) } } free(S){ ................ } (moof mdat)* free(8)
//	write   ftyp moov{ mvex{ free(20) } } free(S){ ........ [sidx] } (moof mdat)* free(8)
//	fsync
//	flip    ftyp moov{ mvex{ mehd     } } free(S-K) sidx            (moof mdat)* free(8)
//	fsync
//
// The free box at the end keeps the references of the sidx from reaching the end of the file:
// seek.md shows how each player treats a sidx whose references do. If the reserve or the disk
// has no room, the file is finished by finishAsGrown.
func (f *file) finishIndex() (written int64, err error) {
	l := &f.lay
	lead := &f.tracks[f.lead]
	limit := (l.reserveBytes - 8 - isobmff.SidxFixedBytes) / isobmff.ReferenceBytes
	refs := f.index.references(lead.presentedTicks()+lead.table.DurationTicks(), int(limit))
	if len(refs) == 0 { // no sample of the lead track, or more references than the reserve has room for
		return f.finishAsGrown()
	}
	if err := f.appendEnd(); noRoom(err) {
		return f.finishAsGrown()
	} else if err != nil {
		return 0, err
	}
	var sidx isobmff.Writer
	sidx.Sidx(f.index.sidx(lead, refs))
	n := int64(len(sidx.B))
	if err := f.writeAt(sidx.B, l.chunksAt-n); err != nil {
		return 0, err
	}
	if err := f.fillMoov(); err != nil {
		return 0, err
	}
	if err := f.writeSize(l.reserveBytes - n); err != nil {
		return 0, err
	}
	if err := f.showMehd(); err != nil {
		return 0, err
	}
	f.sizeBytes += endBytes
	f.punch(l.reserveAt+8, l.chunksAt-n)
	return n + 4 + endBytes + grownBytes + f.filledBytes, nil
}

// endBytes is the size of the free box behind the last fragment of a finished fragmented file:
// finishIndex explains its purpose.
const endBytes = 8

// appendEnd appends the free box of endBytes that finishIndex needs behind the last fragment.
// After an error it truncates the file to its previous length, as far as the disk allows.
func (f *file) appendEnd() error {
	var end isobmff.Writer
	end.Free(endBytes)
	err := f.writeAt(end.B, f.sizeBytes)
	if err != nil {
		_ = f.f.Truncate(f.sizeBytes)
	}
	return err
}

// finishAsGrown finishes the file as a fragmented file without a sidx, and returns the number of
// bytes written. It writes only in place, and so needs no room on the disk.
func (f *file) finishAsGrown() (written int64, err error) {
	if err := f.fillMoov(); err != nil {
		return 0, err
	}
	f.asGrown = true
	return grownBytes + f.filledBytes, f.showMehd()
}

// grownBytes is the number of bytes that fillMoov and showMehd write, without the gaps
// (file.filledBytes).
const grownBytes = outcomeBytes + isobmff.MvhdTimesBytes + isobmff.MehdBytes - 8 + 4

// fillMoov completes the growing moov in place, and syncs it. It writes the outcome and the gaps
// into the entry, and the duration into two places: the mvhd, from which exiftool reads it, and
// the free box that showMehd changes into the mehd, the only box from which Firefox reads it.
// The durations in tkhd and mdhd stay 0, as for a moov without samples.
func (f *file) fillMoov() error {
	o := f.entry.outcome.encode()
	if err := f.writeAt(o[:], f.lay.entryAt+entryOutcomeAt); err != nil {
		return err
	}
	if err := f.fillGaps(); err != nil {
		return err
	}
	if err := f.fillMvhd(); err != nil {
		return err
	}
	var body isobmff.Writer
	body.MehdBody(uint64(movieDurationTicks(f.tracks)))
	if err := f.writeAt(body.B, f.lay.mehdAt+8); err != nil {
		return err
	}
	return f.sync()
}

// fillMvhd writes the movie's duration into the mvhd of the growing moov (ISO/IEC 14496-12,
// 8.2.2). After a crash before showMehd, recovery writes the duration again. In a file of an
// earlier version the mvhd has 32 bits for the duration: fillMvhd writes a duration that needs
// more as unknown.
func (f *file) fillMvhd() error {
	at := f.lay.moovAt + 8
	h, err := isobmff.ReadHeader(f.f, at, f.lay.moovAt+f.lay.moovBytes)
	if err != nil || !h.Is("mvhd") || h.SizeBytes < h.HeaderBytes+isobmff.MvhdTimesBytes {
		return diskError(err)
	}
	var times [isobmff.MvhdTimesBytes]byte
	if n, err := f.f.ReadAt(times[:], at+h.HeaderBytes); n < len(times) {
		return f.fail("read mvhd", at, err)
	}
	isobmff.SetDuration("mvhd", times[:], uint64(movieDurationTicks(f.tracks)))
	return f.writeAt(times[:], at+h.HeaderBytes)
}

// showMehd changes the type of the free box that has the payload of mehd to mehd, and syncs the
// file. This marks a fragmented file as finished.
func (f *file) showMehd() error {
	f.committed = true
	if err := f.writeAt([]byte("mehd"), f.lay.mehdAt+4); err != nil {
		return err
	}
	return f.sync()
}

// punch deallocates the whole blocks of the file between the offsets from and to. It ignores
// errors, which cost only disk space.
func (f *file) punch(from, to int64) {
	from, to = pageEnd(from), to/pageBytes*pageBytes
	if to > from {
		_ = f.f.Punch(from, to-from)
	}
}
