package file

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// movie is the content of a file's moov.
type movie struct {
	tracks     []track
	left       []LeftOut
	createdUTC int64      // ns of UTC; 0: the header has no creation time
	claim      claims     // of the tables in the moov
	fragments  *fragments // nil: the file is ordinary
}

// track is one supported track of the file.
type track struct {
	media.Track
	id         uint32
	shiftTicks int64 // added to the file's decoding times, by the edit list
	samples    sampler
}

// LeftOut describes a track that the reader does not support.
type LeftOut struct {
	ID     uint32 // of the track in the file
	Reason string
}

// sampler returns the samples of one track in decoding order. Next sets its argument to the next sample; ok is false
// after the last one. Rewind makes Next continue with the first sample.
type sampler interface {
	Next(*isobmff.Sample) (ok bool, err error)
	Rewind()
}

// readMovie finds the moov of a file of size bytes and reads it. The error says why the file cannot be played.
func readMovie(f io.ReaderAt, size int64, log *slog.Logger) (*movie, error) {
	headers := filesystem.NewAhead(f, size)
	for at := int64(0); ; {
		h, ok, err := boxAt(headers, at, size)
		switch {
		case err != nil:
			return nil, err
		case !ok || h.SizeBytes > size-at && !h.Is("moov"):
			return nil, errors.New("there is no moov: it is no MP4 file, or was not finished")
		case !h.Is("moov"):
			at += h.SizeBytes
			continue
		}
		moov, err := isobmff.ReadPayload(f, at, h, size, isobmff.MaxMoovBytes)
		if err != nil {
			return nil, err
		}
		return parseMoov(moov, size, newFragments(f, size, at+h.SizeBytes), log)
	}
}

// boxAt reads the header of the box at an offset of a file of size bytes. A box without a size gets the size up to
// the end of the file. ok is false if fewer bytes than a header are left in the file, or if err is not nil.
func boxAt(f io.ReaderAt, at, size int64) (h isobmff.Header, ok bool, err error) {
	h, err = isobmff.ReadHeader(f, at, size)
	if errors.Is(err, isobmff.ErrEnd) || errors.Is(err, isobmff.ErrCut) {
		return h, false, nil
	}
	if h.SizeBytes == 0 {
		h.SizeBytes = size - at
	}
	return h, err == nil, err
}

func parseMoov(moov []byte, size int64, fragments *fragments, log *slog.Logger) (*movie, error) {
	m := &movie{claim: claims{fileBytes: size}}
	mvhd, scaled := isobmff.ReadMvhd(isobmff.Find(moov, "mvhd"))
	if !scaled || mvhd.Timescale == 0 {
		return nil, errors.New("moov has no timescale")
	}
	m.createdUTC = isobmff.FromMovieTime(mvhd.CreatedSeconds)
	if mvex := isobmff.Find(moov, "mvex"); mvex != nil {
		m.fragments = fragments
		m.fragments.tracks = map[uint32]*queue{}
		for boxes := isobmff.Walk(mvex); boxes.Next(); {
			if boxes.Is("trex") {
				trex, _ := isobmff.ReadTrex(boxes.Payload)
				m.fragments.tracks[trex.TrackID] = &queue{from: m.fragments, defaults: trex.SampleDefaults}
			}
		}
	}
	var err, unread error
	wanted, traks := map[uint32]bool{}, 0
	for boxes := isobmff.Walk(moov); err == nil && boxes.Next(); {
		if !boxes.Is("trak") {
			continue
		}
		if traks++; traks > maxTracks {
			err = fmt.Errorf("it has more than %d tracks", maxTracks)
			break
		}
		t, e := m.readTrak(boxes.Payload, mvhd.Timescale, log)
		switch {
		case errors.Is(e, codec.ErrEntry):
			if !errors.Is(e, codec.ErrNotRecorded) {
				unread = cmp.Or(unread, fmt.Errorf("track %d: %w", t.id, e))
			}
			log.Warn("a track is left out", "track", t.id, "reason", e)
			m.left = append(m.left, LeftOut{ID: t.id, Reason: e.Error()})
		case e != nil:
			err = fmt.Errorf("track %d: %w", t.id, e)
		default:
			m.tracks = append(m.tracks, t)
			wanted[t.id] = true
			if own, ok := t.samples.(*isobmff.SampleTable); ok {
				err = m.claim.add(int64(own.Len()), own.Bytes())
			}
		}
	}
	if m.fragments != nil {
		for id := range m.fragments.tracks {
			if !wanted[id] {
				delete(m.fragments.tracks, id)
			}
		}
	}
	m.setAside()
	if err == nil && len(m.tracks) == 0 {
		err = cmp.Or(unread, errors.New("it has no track that can be recorded: "+codec.Titles("or")))
	}
	return m, err
}

// setAside marks the queues of metadata, unless the movie has no other tracks.
func (m *movie) setAside() {
	metadata := func(t track) bool { return t.Kind() == media.Metadata }
	for _, t := range m.tracks {
		if q, ok := t.samples.(*queue); ok && metadata(t) {
			q.aside = slices.ContainsFunc(m.tracks, func(t track) bool { return !metadata(t) })
		}
	}
}

func (m *movie) readTrak(trak []byte, movieScale uint32, log *slog.Logger) (t track, err error) {
	read, err := codec.ReadTrak(trak, movieScale)
	t.id, t.Track, t.shiftTicks = read.ID, read.Track, read.ShiftTicks
	if err != nil {
		return t, err
	}
	if read.Edited {
		log.Warn("only the first media edit of the edit list is applied; the later ones are ignored", "track", t.id)
	}
	if m.fragments == nil {
		table, err := isobmff.ReadSampleTable(isobmff.Find(trak, "mdia", "minf", "stbl"))
		if err != nil {
			return t, err
		}
		t.samples = table
		if join := joinsOf(&t.Track); join.most > 1 {
			table.Join(join.frameBytes, join.most)
		}
		return t, nil
	}
	q := m.fragments.tracks[t.id]
	if q == nil {
		return t, errors.New("it has no trex")
	}
	q.join = joinsOf(&t.Track)
	t.samples = q
	return t, nil
}
