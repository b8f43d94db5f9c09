// Package movie makes the media that every benchmark of a muxer records: a clip of some seconds that is repeated up to
// a length, with sound of the size of AAC. All muxers get the same movie, so that their costs can be compared.
package movie

import (
	"context"
	"encoding/binary"
	"os"
	"slices"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// Tracks of a movie, and their timescales in ticks a second.
const (
	VideoTrack = 0
	AudioTrack = 1

	VideoScale = 90000
	AudioScale = 48000
	// AudioStep is the duration of an AAC frame, in ticks of the audio track.
	AudioStep = 1024
)

// AudioConfig is the AudioSpecificConfig of a movie's sound: AAC-LC, 48 kHz, stereo (ISO/IEC 14496-3, 1.6.2.1).
var AudioConfig = []byte{0x11, 0x90}

// Spec describes a movie.
type Spec struct {
	Codec   string // h264 or h265
	Bitrate int    // of the pictures, in bit/s
	FPS     int    // pictures a second
	GOP     time.Duration
	Length  time.Duration
}

// Movie is the input of a muxer.
type Movie struct {
	Clip   *clip.Clip
	Lap    []byte // bytes of the clip with sound, as in an mdat: the source of a bare write
	Tracks []media.Track
	Length time.Duration
	Units  int   // access units of both tracks
	Bytes  int64 // payload of the whole movie, as in an mdat
}

// lap is the greatest length of the clip that a movie repeats. It limits the memory from which a bare write and the
// muxers read.
const lap = 10 * time.Second

// Pattern makes a movie of the built-in test pattern, filled up to the bitrate.
func Pattern(s Spec) (*Movie, error) {
	o := testpattern.Default()
	o.Width, o.Height, o.FPS, o.Bitrate, o.Channels = 1280, 720, testpattern.Rate{Num: s.FPS, Den: 1}, s.Bitrate, 0
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

func newMovie(s Spec, pictures *clip.Clip) (*Movie, error) {
	m := &Movie{Clip: pictures, Length: s.Length.Truncate(time.Second)}
	m.Tracks = []media.Track{{
		Codec: codec.H264, Timescale: VideoScale, ParameterSets: [][]byte{pictures.SPS, pictures.PPS}, Width: 1280, Height: 720,
	}, {
		Codec: codec.AAC, Timescale: AudioScale, ParameterSets: [][]byte{AudioConfig},
		SampleRate: AudioScale, Channels: 2, FrameDurationTicks: AudioStep,
	}}
	if s.Codec == "h265" {
		asHEVC(pictures, &m.Tracks[0])
	}
	once := Movie{Clip: m.Clip, Length: max(time.Duration(len(m.Clip.Units)/s.FPS), 1) * time.Second}
	err := once.Each(func(track int, au *media.AU) error {
		m.Lap = appendSample(m.Lap, track, au.Payload)
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.Lap = slices.Clone(m.Lap) // without the spare room of its growth
	return m, m.Each(func(track int, au *media.AU) error {
		m.Units++
		m.Bytes += SampleBytes(track, au.Payload)
		return nil
	})
}

// SampleBytes returns the size that a payload has as a sample in an mdat: each NAL unit of a picture is behind its
// length in 4 bytes.
func SampleBytes(track int, payload [][]byte) (n int64) {
	for _, p := range payload {
		n += int64(len(p))
		if track == VideoTrack {
			n += 4
		}
	}
	return n
}

func appendSample(b []byte, track int, payload [][]byte) []byte {
	for _, p := range payload {
		if track == VideoTrack {
			b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		}
		b = append(b, p...)
	}
	return b
}

// silence is the payload of each audio frame: zeros, of the size that an AAC encoder makes at 128 kbit/s.
var silence = [][]byte{make([]byte, 128_000/8*AudioStep/AudioScale)}

// Each calls give with each access unit of the whole movie, in the order of time. Times begin at 0, and a PTS is the
// DTS, since there are no B-frames. The access unit is valid during the call only; its payload stays valid and must
// not be changed.
func (m *Movie) Each(give func(track int, au *media.AU) error) error {
	var au media.AU
	fps := int64(m.Clip.FPS)
	sound := int64(0)
	for n := range int64(m.Length/time.Second) * fps {
		unit := &m.Clip.Units[n%int64(len(m.Clip.Units))]
		at := n * VideoScale / fps
		au = media.AU{DTS: at, PTS: at, MonoNS: media.ToNanos(at, VideoScale), Sync: unit.IDR, Payload: unit.NALs}
		au.UTC = EpochNS + au.MonoNS
		if err := give(VideoTrack, &au); err != nil {
			return err
		}
		for ; sound*fps < (n+1)*AudioScale; sound += AudioStep {
			au = media.AU{DTS: sound, PTS: sound, MonoNS: media.ToNanos(sound, AudioScale), Sync: true, Payload: silence}
			au.UTC = EpochNS + au.MonoNS
			if err := give(AudioTrack, &au); err != nil {
				return err
			}
		}
	}
	return nil
}

// EpochNS is the UTC at which a movie begins, in ns.
const EpochNS = 1_700_000_000_000_000_000
