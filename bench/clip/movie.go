package clip

import "encoding/binary"

// Tracks and timescales of a movie.
const (
	VideoTrack = 0
	AudioTrack = 1

	VideoScale = 90000
	AudioScale = 48000
	// AudioStep is the duration of a frame of AAC, in ticks.
	AudioStep = 1024
)

// AudioConfig is the AudioSpecificConfig of a movie's sound: AAC-LC, 48 kHz,
// stereo (ISO/IEC 14496-3, 1.6.2.1).
var AudioConfig = []byte{0x11, 0x90}

// Frame is an access unit of a movie.
type Frame struct {
	Track int
	DTS   int64 // ticks of the track; there are no B-frames
	Sync  bool
	Data  [][]byte // NAL units, or one frame of sound
}

// Movie is a clip in a loop, with sound: the input of a muxer, by time.
type Movie struct {
	Clip    *Clip
	Seconds int
	Frames  []Frame
	Bytes   int64 // in mdat form
}

// NewMovie loops a clip. The sound is silence in frames of the size that an encoder at 128 kbit/s makes; only the
// size matters.
func NewMovie(c *Clip, seconds int) *Movie {
	m := &Movie{Clip: c, Seconds: seconds}
	sound := make([]byte, 128000/8*AudioStep/AudioScale)
	frame := int64(0) // of sound
	for n := range int64(seconds * c.FPS) {
		unit := &c.Units[n%int64(len(c.Units))]
		m.add(Frame{Track: VideoTrack, DTS: n * VideoScale / int64(c.FPS), Sync: unit.IDR, Data: unit.NALs}, 4)
		for frame*AudioStep*int64(c.FPS) < (n+1)*AudioScale {
			m.add(Frame{Track: AudioTrack, DTS: frame * AudioStep, Sync: true, Data: [][]byte{sound}}, 0)
			frame++
		}
	}
	return m
}

func (m *Movie) add(f Frame, prefix int64) {
	m.Frames = append(m.Frames, f)
	for _, d := range f.Data {
		m.Bytes += prefix + int64(len(d))
	}
}

// Mdat returns the content of all mdat boxes of the movie, one after another: NAL units behind 4-byte lengths, and
// sound.
func (m *Movie) Mdat() []byte {
	out := make([]byte, 0, m.Bytes)
	for i := range m.Frames {
		for _, d := range m.Frames[i].Data {
			if m.Frames[i].Track == VideoTrack {
				out = binary.BigEndian.AppendUint32(out, uint32(len(d)))
			}
			out = append(out, d...)
		}
	}
	return out
}
