package peers

import (
	"encoding/binary"
	"slices"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/pipeline/media"
)

// part holds a second of media: copies of the samples, by track, which is how both libraries write them. The data of the
// pictures begins behind room for headers, so that headers and payloads can be written in one piece. A part must be
// cleared before its first use.
type part struct {
	headersBytes int
	tracks       [2]trackPart
}

type trackPart struct {
	dts     int64 // of the first sample, in ticks
	samples []sample
	data    []byte // payloads of all samples, as in an mdat
}

type sample struct {
	sizeBytes int
	sync      bool
}

// add adds a copy of an access unit.
func (p *part) add(track int, au *media.AU) {
	t := &p.tracks[track]
	if len(t.samples) == 0 {
		t.dts = au.DTS
	}
	from := len(t.data)
	for _, b := range au.Payload {
		if track == movie.VideoTrack {
			t.data = binary.BigEndian.AppendUint32(t.data, uint32(len(b)))
		}
		t.data = append(t.data, b...)
	}
	t.samples = append(t.samples, sample{len(t.data) - from, au.Sync})
}

// clear removes the samples, and keeps the memory.
func (p *part) clear() {
	for i := range p.tracks {
		t := &p.tracks[i]
		t.samples, t.data = t.samples[:0], t.data[:0]
	}
	pictures := &p.tracks[movie.VideoTrack]
	pictures.data = slices.Grow(pictures.data, p.headersBytes)[:p.headersBytes]
}

// seconds calls add with each access unit of a movie, and end behind each second and at the end. A second begins with
// a video frame.
func seconds(m *movie.Movie, add func(track int, au *media.AU) error, end func() error) error {
	limit := int64(movie.VideoScale)
	err := m.Each(func(track int, au *media.AU) error {
		if track == movie.VideoTrack && au.DTS >= limit {
			limit += movie.VideoScale
			if err := end(); err != nil {
				return err
			}
		}
		return add(track, au)
	})
	if err != nil {
		return err
	}
	return end()
}

// duration returns the duration of an access unit of a track, in ticks of the track.
func duration(m *movie.Movie, track int) uint32 {
	if track == movie.AudioTrack {
		return movie.AudioStep
	}
	return uint32(movie.VideoScale / m.Clip.FPS)
}
