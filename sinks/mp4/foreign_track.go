package mp4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// foreignTrack is what judging a track's samples takes.
type foreignTrack struct {
	id        uint32
	timescale uint32
	video     bool
	nal       int  // bytes of the length before each NAL unit; 0 where samples are not made of them
	dense     bool // no sample is zeros
	trex
	kept int64  // ticks
	next int64  // decode time behind the last sample that is kept, ticks
	trak []byte // payload
}

// maxTracks is more than any recorder writes, and bounds what is done for each track
// of each fragment.
const maxTracks = 64

// trex is what the samples of a track are where a fragment does not say.
type trex struct{ duration, size, flags uint32 }

// readTrex reads the trex boxes of an mvex, by track.
func readTrex(mvex []byte) map[uint32]trex {
	out := map[uint32]trex{}
	children(mvex, func(fourcc string, b []byte) bool {
		if fourcc == "trex" && len(b) >= 24 {
			out[binary.BigEndian.Uint32(b[4:])] = trex{
				binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:]),
			}
		}
		return len(out) <= maxTracks
	})
	return out
}

// parseForeignTrack reads a trak, and picks the trex of its track.
func parseForeignTrack(trak []byte, defaults map[uint32]trex) (t foreignTrack, ok bool) {
	tkhd, mdhd, hdlr := find(trak, "tkhd"), find(trak, "mdia", "mdhd"), find(trak, "mdia", "hdlr")
	stsd := find(trak, "mdia", "minf", "stbl", "stsd")
	idAt, scaleAt := 12, 12
	if len(tkhd) > 0 && tkhd[0] == 1 {
		idAt = 20
	}
	if len(mdhd) > 0 && mdhd[0] == 1 {
		scaleAt = 20
	}
	if len(tkhd) < idAt+4 || len(mdhd) < scaleAt+4 || len(hdlr) < 12 {
		return t, false
	}
	t.id, t.timescale = binary.BigEndian.Uint32(tkhd[idAt:]), binary.BigEndian.Uint32(mdhd[scaleAt:])
	t.video, t.trak = string(hdlr[8:12]) == "vide", trak
	t.nal = nalLength(stsd)
	t.dense = len(stsd) >= 16 && strings.Contains(denseCodecs, string(stsd[12:16]))
	t.trex = defaults[t.id]
	return t, t.timescale > 0
}

// nalLength is how many bytes tell the length of a NAL unit (ISO/IEC 14496-15,
// 5.3.3.1.2 and 8.3.3.1.2).
func nalLength(stsd []byte) (n int) {
	const visualFields = 78
	if len(stsd) < 8 {
		return 0
	}
	children(stsd[8:], func(_ string, entry []byte) bool {
		if len(entry) < visualFields {
			return false
		}
		if c := find(entry[visualFields:], "avcC"); len(c) > 4 {
			n = int(c[4]&3) + 1
		} else if c := find(entry[visualFields:], "hvcC"); len(c) > 21 {
			n = int(c[21]&3) + 1
		}
		return false
	})
	return n
}

// intact judges a sample by its content. b is only read.
func (t *foreignTrack) intact(b []byte) bool {
	if t.nal == 0 {
		return !t.dense || len(b) < 8 || !zeros(b) && !bytes.Contains(b, hole[:])
	}
	for len(b) > 0 {
		if len(b) < t.nal {
			return false
		}
		n := 0
		for _, c := range b[:t.nal] {
			n = n<<8 | int(c)
		}
		if n < 1 || n > len(b)-t.nal || b[t.nal]&0x80 != 0 { // forbidden_zero_bit
			return false
		}
		if bytes.Contains(b[t.nal:t.nal+n], hole[:3]) {
			return false // three zeros in a NAL unit are escaped by its encoder (ISO/IEC 14496-10, 7.4.1)
		}
		b = b[t.nal+n:]
	}
	return true
}

// hole is more zeros in a row than a coded audio frame has; a lost block of a
// disk has 512 or more.
var hole [128]byte

// denseCodecs are those whose samples are never zeros, as PCM's may be.
const denseCodecs = "mp4a Opus ac-3 ec-3 av01 vp09 avc1 hvc1"

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// window reads a file a stretch at a time, for what is mostly in order.
type window struct {
	f     io.ReaderAt
	size  int64
	at    int64
	b     []byte
	spare int64 // bytes that may be read beyond what is asked for
}

// maxSample bounds what a damaged table can ask for.
const maxSample = 512 << 20

// bytes gives n bytes at an offset, valid until the next call; nil where the
// file has them not.
func (w *window) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || n > maxSample || at > w.size-n {
		return nil, nil
	}
	if at < w.at || at+n > w.at+int64(len(w.b)) {
		want := min(max(n, scanBlock), w.size-at)
		if w.spare -= want - n; w.spare < 0 { // the tables lead to and fro
			want = n
		}
		if int64(cap(w.b)) < want {
			w.b = make([]byte, want)
		}
		w.b, w.at = w.b[:want], at
		if _, err := w.f.ReadAt(w.b, at); err != nil {
			w.b = w.b[:0]
			return nil, fmt.Errorf("read at byte %d: %w", at, err)
		}
	}
	return w.b[at-w.at:][:n:n], nil
}

// whole tells whether a sample is in the file, and as it should be. Tables that
// lead to the same bytes again and again are damage, and would take for ever.
func (x *foreign) whole(t *foreignTrack, at, n int64) (bool, error) {
	if at >= 0 && at <= x.size-n {
		if x.judged += n; x.judged > 4*x.size {
			return false, nil
		}
	}
	b, err := x.window.bytes(at, n)
	return b != nil && t.intact(b), err
}
