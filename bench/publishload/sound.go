package publishload

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/gospool/spool/bench/movie"
)

// SoundBitrate is the bit rate of the sound of a publisher.
const SoundBitrate = 128_000

const soundFrameBytes = SoundBitrate / 8 * movie.AudioStep / movie.AudioScale

// soundConfig describes the sound of a publisher.
func soundConfig() mpeg4audio.AudioSpecificConfig {
	return mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: movie.AudioScale, ChannelConfig: 2}
}

// sound makes the frames of one publisher's AAC. Only the number and the size of the frames matter: a frame is its number
// (FrameNumber) and zeros.
type sound struct {
	frames int64 // number of frames sent
	batch  [][]byte
}

// until returns the next frames, those that begin before the n-th picture ends, and the time of the first in ticks of
// movie.AudioScale. The slice is valid until the next call.
func (s *sound) until(n, fps int64) (frames [][]byte, first int64) {
	s.batch = s.batch[:0]
	first = s.frames * movie.AudioStep
	for ; s.frames*movie.AudioStep*fps < (n+1)*movie.AudioScale; s.frames++ {
		s.batch = append(s.batch, soundFrame(s.frames))
	}
	return s.batch, first
}

// soundFrame returns the frame of a number.
func soundFrame(number int64) []byte {
	frame := make([]byte, soundFrameBytes)
	binary.BigEndian.PutUint32(frame, uint32(number))
	return frame
}

// FrameNumber returns the number of a frame of sound among those that its publisher sent, from 0. ok is false for a
// frame that no publisher of this package sends.
func FrameNumber(frame []byte) (number int64, ok bool) {
	if len(frame) != soundFrameBytes {
		return 0, false
	}
	return int64(binary.BigEndian.Uint32(frame)), true
}
