package movie

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// sound describes the sound of a codec at a usual bitrate.
type sound struct {
	codec   media.Codec
	bitrate int // bit/s
	rate    int // sample rate, Hz; the timescale of the track
	step    int // samples of a channel in an access unit
	chans   int
	sets    [][]byte
	head    []byte // the first bytes of each access unit
	// varies reports that an encoder makes access units of various sizes: from half to three halves of the mean.
	varies bool
}

// allSound has a row for each codec of sound, the most common first.
var allSound = []sound{
	{codec: codec.AAC, bitrate: 128_000, rate: AudioScale, step: AudioStep, chans: 2, sets: [][]byte{AudioConfig}},
	{codec: codec.Opus, bitrate: 96_000, rate: codec.OpusRate, step: codec.OpusRate / 50, chans: 2, sets: [][]byte{codec.OpusConfig{Channels: 2}.Set()}, varies: true},
	{codec: codec.USAC, bitrate: 64_000, rate: 48_000, step: 2048, chans: 2, sets: [][]byte{usacConfig}, head: []byte{0x80}, varies: true}, // independent frames
	{codec: codec.MP3, bitrate: 128_000, rate: 48_000, step: 1152, chans: 2, sets: [][]byte{mp3Header}, head: mp3Header},
	{codec: codec.AC3, bitrate: 192_000, rate: 48_000, step: 1536, chans: 2, sets: [][]byte{{0x10, 0x11, 0x40}}, head: []byte{0x0b, 0x77}},
	{codec: codec.EAC3, bitrate: 192_000, rate: 48_000, step: 1536, chans: 2, sets: [][]byte{{6, 0, 0x20, 4, 0}}, head: []byte{0x0b, 0x77}},
	{codec: codec.FLAC, bitrate: 900_000, rate: 48_000, step: 4608, chans: 2, sets: [][]byte{codec.FLACInfo{MinBlock: 4608, MaxBlock: 4608, Rate: 48_000, Channels: 2, Bits: 16}.Set()}, varies: true},
	// G.711 of a camera: mono, 20 ms in a packet; recorded as LPCM, or as it is sent.
	{codec: codec.LPCM, bitrate: 128_000, rate: 8000, step: 160, chans: 1, sets: [][]byte{codec.LPCMFormat{Bits: 16}.Set()}},
	{codec: codec.MuLaw, bitrate: 64_000, rate: 8000, step: 160, chans: 1},
	{codec: codec.ALaw, bitrate: 64_000, rate: 8000, step: 160, chans: 1},
}

// AudioConfig is the AudioSpecificConfig of the sound beside pictures: AAC-LC, 48 kHz, stereo (ISO/IEC 14496-3,
// 1.6.2.1).
var AudioConfig = []byte{0x11, 0x90}

// usacConfig is the AudioSpecificConfig of xHE-AAC with SBR, 48 kHz, stereo (ISO/IEC 23003-3, 5.2).
var usacConfig = []byte{0xf9, 0x46, 0x43, 0x62, 0x05, 0x0b, 0x20}

// mp3Header is the header of a frame of layer III: 128 kbit/s, 48 kHz, stereo (ISO/IEC 11172-3, 2.4.1.3).
var mp3Header = []byte{0xff, 0xfb, 0x94, 0x64}

// track returns the track of the sound.
func (s *sound) track() (media.Track, error) {
	t := media.Track{Codec: s.codec, Timescale: uint32(s.rate), ParameterSets: s.sets, SampleRate: s.rate, Channels: s.chans}
	err := codec.Complete(&t)
	t.FrameDurationTicks = uint32(s.step)
	return t, err
}

// payloads returns payloads for the access units, which follow one another again and again.
func (s *sound) payloads() (units [][][]byte) {
	mean := s.bitrate / 8 * s.step / s.rate
	sizes := []int{mean}
	if s.varies {
		sizes = sizes[:0]
		for i := range 64 {
			sizes = append(sizes, mean/2+i*37%64*mean/63)
		}
	}
	for _, n := range sizes {
		units = append(units, [][]byte{append(s.head[:len(s.head):len(s.head)], make([]byte, n-len(s.head))...)})
	}
	return units
}
