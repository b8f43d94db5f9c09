package file

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
)

// movie is what the moov of a file says of it.
type movie struct {
	tracks    []track
	created   int64  // ns UTC, 0 where the header does not say
	claim     claims // of the tables; of fragments only those that were read
	fragments *fragments
}

// track is one track that is read.
type track struct {
	media.Track
	id      uint32
	shift   int64 // ticks from the file's decoding time to the movie's
	samples sampler
}

// epoch1904 is the seconds from 1904, where MP4 counts from, to 1970.
const epoch1904 = 2082844800

// readMovie finds and reads the moov.
func readMovie(f io.ReaderAt, size int64, log *slog.Logger) (*movie, error) {
	headers := filesystem.NewAhead(f, size)
	for at := int64(0); ; {
		b, ok, err := readBoxAt(headers, at, size)
		switch {
		case err != nil:
			return nil, err
		case !ok || b.end > size && b.fourcc != "moov":
			return nil, errors.New("there is no moov: it is no MP4 file, or was not finished")
		case b.fourcc != "moov":
			at = b.end
			continue
		}
		moov, err := b.load(f, size, maxMoov)
		if err != nil {
			return nil, err
		}
		return parseMoov(moov, size, newFragments(f, size, b.end), log)
	}
}

func parseMoov(moov []byte, size int64, fragments *fragments, log *slog.Logger) (*movie, error) {
	m := &movie{claim: claims{size: size}}
	scale := m.readMvhd(find(moov, "mvhd"))
	if scale == 0 {
		return nil, errors.New("moov has no timescale")
	}
	if mvex := find(moov, "mvex"); mvex != nil {
		m.fragments = fragments
		m.fragments.tracks = map[uint32]*queue{}
		each(mvex, func(fourcc string, b []byte) {
			if fourcc == "trex" {
				f := fields{b: b}
				f.skip(4)
				id := f.u32()
				f.skip(4)
				m.fragments.tracks[id] = &queue{from: m.fragments, defaults: trex{f.u32(), f.u32(), f.u32()}}
			}
		})
	}
	var err error
	wanted, traks := map[uint32]bool{}, 0
	each(moov, func(fourcc string, trak []byte) {
		if fourcc != "trak" || err != nil {
			return
		}
		if traks++; traks > maxTracks {
			err = fmt.Errorf("it has more than %d tracks", maxTracks)
			return
		}
		t, e := m.readTrak(trak, scale, log)
		switch {
		case errors.Is(e, errOther):
			log.Warn("a track is left out", "track", t.id, "reason", e)
		case e != nil:
			err = fmt.Errorf("track %d: %w", t.id, e)
		default:
			m.tracks = append(m.tracks, t)
			wanted[t.id] = true
			if own, ok := t.samples.(*tables); ok {
				err = m.claim.add(int64(own.count), own.bytes())
			}
		}
	})
	if m.fragments != nil {
		for id := range m.fragments.tracks {
			if !wanted[id] {
				delete(m.fragments.tracks, id)
			}
		}
	}
	if err == nil && len(m.tracks) == 0 {
		err = errors.New("it has no track that can be recorded: H.264, H.265 or AAC")
	}
	return m, err
}

func (m *movie) readMvhd(mvhd []byte) (timescale uint32) {
	f := fields{b: mvhd}
	version := uint8(f.u32() >> 24)
	created := f.wide(version)
	f.wide(version)
	timescale = f.u32()
	if f.short {
		return 0
	}
	if created > epoch1904 && created < epoch1904+1<<33 {
		m.created = int64(created-epoch1904) * 1e9
	}
	return timescale
}

func (m *movie) readTrak(trak []byte, movieScale uint32, log *slog.Logger) (t track, err error) {
	f := fields{b: find(trak, "tkhd")}
	version := uint8(f.u32() >> 24)
	f.wide(version)
	f.wide(version)
	t.id = f.u32()
	f = fields{b: find(trak, "mdia", "mdhd")}
	version = uint8(f.u32() >> 24)
	f.wide(version)
	f.wide(version)
	scale := f.u32()
	f.wide(version)
	language := f.u16()
	if f.short || scale == 0 {
		return t, errors.New("it has no timescale")
	}
	stbl := find(trak, "mdia", "minf", "stbl")
	if t.Track, err = readEntry(find(stbl, "stsd"), scale); err != nil {
		return t, err
	}
	if language > 0x400 {
		t.Language = string([]byte{byte(language>>10&31) + 0x60, byte(language>>5&31) + 0x60, byte(language&31) + 0x60})
	}
	t.shift = readEdits(find(trak, "edts", "elst"), movieScale, scale, log.With("track", t.id))
	if m.fragments == nil {
		t.samples, err = readTables(stbl)
		return t, err
	}
	q := m.fragments.tracks[t.id]
	if q == nil {
		return t, errors.New("it has no trex")
	}
	t.samples = q
	return t, nil
}

// readEdits gives by how many ticks an edit list moves a track (ISO/IEC
// 14496-12, 8.6.6).
func readEdits(elst []byte, movieScale, scale uint32, log *slog.Logger) (shift int64) {
	f := fields{b: elst}
	version := uint8(f.u32() >> 24)
	empty, seen := uint64(0), false
	for range f.u32() {
		duration, at := f.wide(version), int64(f.wide(version))
		f.skip(4)
		if version == 0 {
			at = int64(int32(at))
		}
		switch {
		case f.short:
			return shift
		case seen:
			log.Warn("only the first stretch of the edit list is read: what others repeat or leave out is not")
			return shift
		case at < 0:
			empty = min(empty+duration, math.MaxInt64/8)
			continue
		}
		seen = true
		shift = media.Rescale(int64(empty), movieScale, scale) - min(at, math.MaxInt64/8)
	}
	return shift
}
