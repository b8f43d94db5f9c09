// Package movie makes the media that every benchmark of a muxer records: a clip of some seconds that is repeated up to
// a length, with sound of the size of AAC; or sound of a codec alone. All muxers get the same movie, so that their costs
// can be compared. The tables of pictures.go and sound.go have a row for each codec.
package movie

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// Tracks of a movie with pictures, and their timescales in ticks a second. A movie without pictures has one track.
const (
	VideoTrack = 0
	AudioTrack = 1

	VideoScale = 90000
	AudioScale = 48000
	// AudioStep is the duration of an AAC frame, in ticks of the audio track.
	AudioStep = 1024
)

// Spec describes a movie.
type Spec struct {
	Codec   string // one of Codecs; empty: the first
	Bitrate int    // of the pictures, in bit/s
	FPS     int    // pictures a second
	GOP     time.Duration
	Length  time.Duration
}

// Movie is the input of a muxer.
type Movie struct {
	Clip   *clip.Clip // nil without pictures
	Lap    []byte     // bytes of the clip with sound, as in an mdat: the source of a bare write
	Tracks []media.Track
	Length time.Duration
	Units  int   // access units of both tracks
	Bytes  int64 // payload of the whole movie, as in an mdat

	sound  *sound
	frames [][][]byte // payloads of the sound, one after another
}

// lap is the greatest length of the clip that a movie repeats. It limits the memory from which a bare write and the
// muxers read.
const lap = 10 * time.Second

// Pattern makes a movie of the built-in test pattern, filled up to the bitrate, with sound in AAC; or of sound alone for
// a codec of sound.
func Pattern(s Spec) (*Movie, error) {
	if soundOf(s.Codec) != nil {
		return newMovie(s, nil)
	}
	o := testpattern.Default()
	o.Width, o.Height, o.FPS, o.Bitrate, o.Channels = width, height, testpattern.Rate{Num: s.FPS, Den: 1}, s.Bitrate, 0
	o.GOP = s.pictures()
	o.Duration = max(min(lap, s.Length).Truncate(s.GOP), s.GOP)
	g, err := testpattern.New(o)
	if err != nil {
		return nil, err
	}
	sets := g.Tracks()[testpattern.VideoTrack].ParameterSets
	k := &clip.Clip{FPS: s.FPS, SPS: sets[0], PPS: sets[1]}
	for _, au := g.Next(); au != nil; _, au = g.Next() {
		u := clip.Unit{IDR: au.Sync}
		for _, nal := range au.Payload {
			u.NALs = append(u.NALs, slices.Clone(nal))
		}
		k.Units = append(k.Units, u)
	}
	return newMovie(s, k)
}

// Coded makes a movie with video that ffmpeg codes. A remux needs it, because ffmpeg parses the video: the built-in
// test pattern consists largely of filler, whose cost would not be that of real video.
func Coded(ctx context.Context, s Spec) (*Movie, error) {
	k, err := clip.Make(ctx, os.TempDir(), clip.Spec{
		Size: "1280x720", FPS: s.FPS, Seconds: int(lap.Seconds()), GOP: s.pictures(), Bitrate: s.Bitrate,
	})
	if err != nil {
		return nil, err
	}
	return newMovie(s, k)
}

// pictures returns the number of pictures in a GOP.
func (s Spec) pictures() int { return max(int(s.GOP*time.Duration(s.FPS)/time.Second), 1) }

func newMovie(s Spec, k *clip.Clip) (*Movie, error) {
	m := &Movie{Clip: k, Length: s.Length.Truncate(time.Second), sound: &allSound[0]}
	once := min(lap, m.Length)
	if k == nil {
		m.sound = soundOf(s.Codec)
	} else {
		p := picturesOf(cmp.Or(s.Codec, Codecs()[0]))
		if p == nil {
			return nil, fmt.Errorf("no movie has the codec %q", s.Codec)
		}
		t, err := p.describe(k)
		if err != nil {
			return nil, err
		}
		m.Tracks = append(m.Tracks, t)
		once = max(time.Duration(len(k.Units)/s.FPS), 1) * time.Second
	}
	t, err := m.sound.track()
	if err != nil {
		return nil, err
	}
	m.Tracks, m.frames = append(m.Tracks, t), m.sound.payloads()
	length := m.Length
	m.Length = once
	err = m.Each(func(track int, au *media.AU) error {
		m.Lap = m.appendSample(m.Lap, track, au.Payload)
		return nil
	})
	m.Length = length
	if err != nil {
		return nil, err
	}
	m.Lap = slices.Clone(m.Lap) // without the spare room of its growth
	return m, m.Each(func(track int, au *media.AU) error {
		m.Units++
		m.Bytes += m.sampleBytes(track, au.Payload)
		return nil
	})
}

// Codecs returns the names of the codecs that a movie can have: those of pictures, and then those of sound alone.
func Codecs() (names []string) {
	for _, p := range allPictures {
		names = append(names, p.codec.String())
	}
	for _, s := range allSound {
		names = append(names, s.codec.String())
	}
	return names
}

// SoundBitrate returns the bitrate of the sound of a codec, in bit/s. It returns 0 for a codec of pictures.
func SoundBitrate(codec string) int {
	if s := soundOf(codec); s != nil {
		return s.bitrate
	}
	return 0
}

func soundOf(name string) *sound {
	for i := range allSound {
		if allSound[i].codec.String() == name {
			return &allSound[i]
		}
	}
	return nil
}

func picturesOf(name string) *pictures {
	for i := range allPictures {
		if allPictures[i].codec.String() == name {
			return &allPictures[i]
		}
	}
	return nil
}

// sampleBytes returns the size that a payload has as a sample in an mdat: each NAL unit of a picture is behind its
// length in 4 bytes.
func (m *Movie) sampleBytes(track int, payload [][]byte) (n int64) {
	for _, p := range payload {
		n += int64(len(p))
		if m.Tracks[track].Codec.NAL() {
			n += 4
		}
	}
	return n
}

func (m *Movie) appendSample(b []byte, track int, payload [][]byte) []byte {
	for _, p := range payload {
		if m.Tracks[track].Codec.NAL() {
			b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		}
		b = append(b, p...)
	}
	return b
}

// Each calls give with each access unit of the whole movie, in the order of time. Times begin at 0, and a PTS is the
// DTS, since there are no B-frames. The access unit is valid during the call only; its payload stays valid and must
// not be changed.
func (m *Movie) Each(give func(track int, au *media.AU) error) error {
	var au media.AU
	seconds, frame := int64(m.Length/time.Second), 0
	if m.Clip == nil {
		return m.soundUntil(&au, &frame, 0, seconds, 1, give)
	}
	fps := int64(m.Clip.FPS)
	for n := range seconds * fps {
		unit := &m.Clip.Units[n%int64(len(m.Clip.Units))]
		at := n * VideoScale / fps
		au = media.AU{DTS: at, PTS: at, MonoNS: media.ToNanos(at, VideoScale), Sync: unit.IDR, Payload: unit.NALs}
		au.UTC = EpochNS + au.MonoNS
		if err := give(VideoTrack, &au); err != nil {
			return err
		}
		if err := m.soundUntil(&au, &frame, AudioTrack, n+1, fps, give); err != nil {
			return err
		}
	}
	return nil
}

// soundUntil calls give with the access units of sound from the number *next on that begin before the time end, in units
// of 1/scale s. It advances *next.
func (m *Movie) soundUntil(au *media.AU, next *int, track int, end, scale int64, give func(track int, au *media.AU) error) error {
	rate := int64(m.sound.rate)
	for at := int64(*next * m.sound.step); at*scale < end*rate; at += int64(m.sound.step) {
		*au = media.AU{DTS: at, PTS: at, MonoNS: media.ToNanos(at, uint32(rate)), Sync: true, Payload: m.frames[*next%len(m.frames)]}
		au.UTC = EpochNS + au.MonoNS
		*next++
		if err := give(track, au); err != nil {
			return err
		}
	}
	return nil
}

// EpochNS is the UTC at which a movie begins, in ns.
const EpochNS = 1_700_000_000_000_000_000
