package rtspload

import (
	"encoding/binary"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/gospool/spool/bench/movie"
)

// SoundBitrate is the bit rate of the sound of a publisher.
const SoundBitrate = 128_000

const (
	soundPayloadType = 97
	soundFrameBytes  = SoundBitrate / 8 * movie.AudioStep / movie.AudioScale
)

// sound makes the RTP packets of one publisher's AAC. Only the number and the size of the frames matter: a frame is
// its number (FrameNumber) and zeros.
type sound struct {
	media   *description.Media
	encoder *rtpmpeg4audio.Encoder
	frames  int64 // number of frames sent
	batch   [][]byte
}

func newSound() (*sound, error) {
	f := &format.MPEG4Audio{
		PayloadTyp: soundPayloadType, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
		Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: movie.AudioScale, ChannelConfig: 2},
	}
	e, err := f.CreateEncoder()
	return &sound{media: &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{f}}, encoder: e}, err
}

// until returns the next frames, those that begin before the n-th picture ends, and the RTP time of the first. A packet
// carries as many of them as fit. The frames are valid until the next call.
func (s *sound) until(n, fps int64) (frames [][]byte, first int64) {
	s.batch = s.batch[:0]
	first = s.frames * movie.AudioStep
	for ; s.frames*movie.AudioStep*fps < (n+1)*movie.AudioScale; s.frames++ {
		frame := make([]byte, soundFrameBytes)
		binary.BigEndian.PutUint32(frame, uint32(s.frames))
		s.batch = append(s.batch, frame)
	}
	return s.batch, first
}

// FrameNumber returns the number of a frame of sound among those that its publisher sent, from 0. ok is false for a
// frame that no publisher of this package sends.
func FrameNumber(frame []byte) (number int64, ok bool) {
	if len(frame) != soundFrameBytes {
		return 0, false
	}
	return int64(binary.BigEndian.Uint32(frame)), true
}
