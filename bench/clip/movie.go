package clip

import "encoding/binary"

// Tracks of a movie, and their timescales in ticks a second.
const (
	VideoTrack = 0
	AudioTrack = 1

	VideoScale = 90000
	AudioScale = 48000
	// AudioStep is the duration of an AAC frame, in ticks of the audio track.
	AudioStep = 1024
)

// AudioConfig is the AudioSpecificConfig of a movie's sound: AAC-LC, 48 kHz,
// stereo (ISO/IEC 14496-3, 1.6.2.1).
var AudioConfig = []byte{0x11, 0x90}

// Frame is an access unit of a movie.
type Frame struct {
	Track int      // VideoTrack or AudioTrack
	DTS   int64    // ticks of the track; the PTS is the same, since there are no B-frames
	Sync  bool     // sync sample
	Data  [][]byte // the NAL units of a picture, or one frame of AAC
}

// Movie is the input of a muxer: a clip that is repeated, with sound.
type Movie struct {
	Clip    *Clip
	Seconds int     // length
	Frames  []Frame // access units of both tracks in the order of time
	Bytes   int64   // length of Mdat
}

// NewMovie returns a movie of the given length. Its sound consists of frames of zeros, of the size that an AAC encoder
// makes at 128 kbit/s: only the size of the frames matters.
func NewMovie(c *Clip, seconds int) *Movie {
	m := &Movie{Clip: c, Seconds: seconds}
	sound := make([]byte, 128000/8*AudioStep/AudioScale)
	frame := int64(0) // number of the next audio frame
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

// Mdat returns the bytes of the movie's frames as they are in mdat boxes, one after another. Each NAL unit is behind
// its length in 4 bytes.
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
