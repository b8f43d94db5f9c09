package codec_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// unitsOf returns an access unit of about n bytes: many copies of one NAL unit, or one NAL unit of that length.
func unitsOf(nal []byte, n int) []byte {
	return bytes.Repeat(append(binary.BigEndian.AppendUint32(nil, uint32(len(nal))), nal...), n/(4+len(nal))+1)
}

// The cost of hostile parameter sets, SEI and slices is proportional to their bytes.
func TestTheCostOfAnAccessUnitIsProportional(t *testing.T) {
	long := func(head ...byte) func(n int) []byte {
		return func(n int) []byte { return unitsOf(append(head, make([]byte, n)...), 1) }
	}
	many := func(nal ...byte) func(n int) []byte { return func(n int) []byte { return unitsOf(nal, n) } }
	for name, unit := range map[string]func(n int) []byte{
		"SPS":                   many(7, 100, 0, 30, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11),
		"SPS that claims much":  many(7, 66, 0, 30, 0xf0, 0x00, 0x00, 0x01, 0xff, 0xff),
		"PPS":                   many(8, 0xeb, 0xe3, 0xcb, 0x22, 0xc0),
		"a long SPS":            long(7, 100, 0, 30),
		"a long PPS":            long(8, 0xeb),
		"SEI":                   many(6, 6, 1, 0x80),
		"an SEI of many":        long(6),
		"an SEI of a long type": func(n int) []byte { return unitsOf(append([]byte{6}, bytes.Repeat([]byte{255}, n)...), 1) },
		"a recovery point, slices": func(n int) []byte {
			return append(unitsOf([]byte{6, 6, 1, 0x84, 0x80}, 1), unitsOf([]byte{1, 0x88, 0x80}, n)...)
		},
		"bytes that are escaped":    func(n int) []byte { return unitsOf(append([]byte{6}, bytes.Repeat([]byte{0, 0, 3}, n/3)...), 1) },
		"NAL units of H.265, a CRA": many(21<<1, 1, 0x80),
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []media.Codec{codec.H264, codec.H265} {
				pipelinetest.Proportional(t, 16<<10, 64<<10, func(n int) int64 {
					au := unit(n)
					cost := pipelinetest.Allocated(func() { codec.NewStandalone(&media.Track{Codec: c}).Picture(au) })
					require.LessOrEqual(t, cost, int64(64<<10+200*len(au)))
					return cost
				})
			}
		})
	}
	for name, config := range map[string][]byte{"of a program": {0x12, 0x00, 0xff, 0xff}, "of nothing": {0}, "of ones": {255}} {
		t.Run("AudioSpecificConfig "+name, func(t *testing.T) {
			pipelinetest.Proportional(t, 16<<10, 64<<10, func(n int) int64 {
				return pipelinetest.Allocated(func() {
					_, _ = codec.ReadAudioSpecificConfig(append(config, bytes.Repeat(config[len(config)-1:], n)...))
				})
			})
		})
	}
}

// The cost of a sample entry is proportional to its bytes, whatever counts it contains.
func TestTheCostOfASampleEntryIsProportional(t *testing.T) {
	for _, c := range codec.All() {
		for _, fill := range []byte{0, 1, 3, 255} {
			pipelinetest.Proportional(t, 16<<10, 64<<10, func(n int) int64 {
				var w, config isobmff.Writer
				config.Append(make([]byte, map[media.Kind]int{media.Video: 78, media.Audio: 28}[c.Kind]))
				config.Box(c.Entry.Config, bytes.Repeat([]byte{fill}, n))
				w.U64(1)
				w.Box(c.Entry.Types[0], config.B)
				return pipelinetest.Allocated(func() { _, _ = codec.ReadSampleEntry(w.B, 90000) })
			})
		}
	}
}
