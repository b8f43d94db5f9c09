package rtmp

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// avcConfig returns a message with a decoder configuration of H.264.
func avcConfig(sps []byte) []byte {
	var w isobmff.Writer
	w.AVCConfig(&isobmff.AVCConfig{LengthSize: 4, Profile: sps[1], Compat: sps[2], Level: sps[3], SequenceSets: [][]byte{sps}, PictureSets: [][]byte{ingesttest.PPSX264}})
	return append([]byte{0x17, 0, 0, 0, 0}, w.B[8:]...)
}

// avcPicture returns a message with picture n, which is shown cts ms after it is decoded. It is a key frame, or refers to one.
func avcPicture(n int, key bool, cts int) []byte {
	nal, head := []byte{0x41, 0x9a, byte(n), 1}, byte(0x27)
	if key {
		nal, head = []byte{0x65, 0x88, 0x84, byte(n), 1}, 0x17
	}
	b := []byte{head, 1, byte(cts >> 16), byte(cts >> 8), byte(cts)}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(nal))), nal...)
}

// aacConfig is a message with the configuration of AAC of 48 kHz, and aacFrame one with a frame.
var aacConfig = append([]byte{0xaf, 0}, ingesttest.AACLC48...)

func aacFrame(n int) []byte { return []byte{0xaf, 1, 0x21, byte(n), 9} }

// cast sends a stream: pictures each 40 ms, a key frame each 25, and frames of sound of 1024 samples of 48 kHz, whose times
// are rounded down to ms. Times begin at from.
func (e *encoder) cast(from uint32, pictureCount, soundCount int) {
	e.t.Helper()
	p, s := 0, 0
	for p < pictureCount || s < soundCount {
		pictureMS, soundMS := 40*p, s*1024*1000/48000
		if s == soundCount || p < pictureCount && pictureMS <= soundMS {
			e.send(pictures, from+uint32(pictureMS), avcPicture(p, p%25 == 0, 0)...)
			p++
			continue
		}
		e.send(sound, from+uint32(soundMS), aacFrame(s)...)
		s++
	}
}

// configure sends the configurations of both tracks.
func (e *encoder) configure(at uint32) {
	e.t.Helper()
	e.send(pictures, at, avcConfig(ingesttest.SPS25)...)
	e.send(sound, at, aacConfig...)
}
