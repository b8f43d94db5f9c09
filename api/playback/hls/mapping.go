package hls

import (
	"fmt"
	"io"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Mapped is where the media of a file is. It is immutable: callers may share it.
type Mapped struct {
	Chunks  []Chunk // in the order of the file
	Init    Init
	Formats []Format // of its pictures and sound

	anchors media.Anchors // of a growing file; of a finished one its row has them

	// Of a file whose media cannot be served as ranges of its bytes: the segments are made of its samples. The offsets of
	// Chunks are then those in the sequence of all chunks, and Init is empty.
	made *made
}

// InitBytes returns the length of the initialisation segment.
func (m *Mapped) InitBytes() int64 {
	if m.made != nil {
		return int64(len(m.made.init))
	}
	return m.Init.SizeBytes()
}

// MaxChunks bounds the chunks of one file, and with them the memory of Map: a file of a week has
// some 600,000 chunks of a second.
const MaxChunks = 1 << 20

// Map reads where the chunks of an open recording are. check reads the box headers before each chunk; it is
// needed for a recovered file, which may have damaged chunks between the whole ones. Map returns
// ErrNoRanges for a file whose media is not in fragments: see MapMade.
func Map(r *clip.Recording, check bool) (*Mapped, error) {
	lead := Lead(r)
	if lead < 0 {
		return nil, fmt.Errorf("%w: it has neither pictures nor sound", ErrNoRanges)
	}
	at, found, err := findInit(r.File, r.File.Size)
	if err != nil {
		return nil, err
	}
	m := &Mapped{Init: found, Formats: formatsOf(r)}
	w, err := newWalk(r, lead)
	if err != nil {
		return nil, err
	}
	var p payload
	for {
		ok, err := w.read(&p)
		if err != nil || !ok {
			return m, err
		}
		if len(m.Chunks) == 0 || check || p.at-at > usualHeadBytes(p.samples, len(r.Tracks)) {
			if at, err = fragmentBefore(r.File, at, p.at); err != nil {
				return nil, err
			}
		}
		if err := m.add(at, &p); err != nil {
			return nil, err
		}
		at = p.end
	}
}

// add adds the chunk of a payload, whose range begins at offset at. It joins a chunk without lead
// samples to the chunk before.
func (m *Mapped) add(at int64, p *payload) error {
	c := p.Chunk
	c.At, c.SizeBytes = at, p.end-at
	if c.KeyBytes > 0 {
		c.KeyBytes += p.at - at
	}
	n := len(m.Chunks)
	switch {
	case n > 0 && !p.leads:
		last := &m.Chunks[n-1]
		last.SizeBytes = p.end - last.At
		if p.played {
			last.MinNS, last.MaxNS = min(last.MinNS, p.MinNS), max(last.MaxNS, p.MaxNS)
		}
	case n == MaxChunks:
		return fmt.Errorf("the file has more than %d chunks", MaxChunks)
	case p.leads: // what is before the first lead sample is not played
		m.Chunks = append(m.Chunks, c)
	}
	return nil
}

// Lead returns the track that gives the segments their times: the first video track, or without
// one the first audio track with samples; -1 if there is none.
func Lead(r *clip.Recording) int {
	for _, handler := range []string{"vide", "soun"} {
		for i := range r.Tracks {
			if r.Tracks[i].Handler.Is(handler) && r.Tracks[i].Samples > 0 {
				return i
			}
		}
	}
	return -1
}

// usualHeadBytes bounds the boxes of a chunk before its samples: prft, moof and the header of mdat.
// Only a chunk with gaps has more.
func usualHeadBytes(samples int64, tracks int) int64 { return 256 + 16*samples + 192*int64(tracks) }

// fragmentBefore walks the boxes from offset at on. It returns the offset of the fragment whose
// samples begin at offset samples: of its moof, or of the prft before it. It returns ErrNoRanges if
// there is no such fragment.
func fragmentBefore(file io.ReaderAt, at, samples int64) (int64, error) {
	begin, moof := int64(-1), false
	for at < samples {
		h, err := isobmff.ReadHeader(file, at, samples)
		if err != nil && !isobmff.IsContent(err) {
			return 0, err
		}
		if err != nil || h.SizeBytes == 0 {
			break
		}
		switch {
		case h.Is("mdat") && moof && at+h.HeaderBytes == samples:
			return begin, nil
		case h.Is("prft"):
			begin, moof = at, false
		case h.Is("moof"):
			if begin < 0 || moof {
				begin = at
			}
			moof = true
		default:
			begin, moof = -1, false
		}
		at += h.SizeBytes
	}
	return 0, fmt.Errorf("%w: none ends before byte %d", ErrNoRanges, samples)
}
