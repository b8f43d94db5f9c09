package ingesttest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bitWriter writes fields and Exp-Golomb codes as bits, for bitstream.Reader to read.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) put(v uint32, n int) *bitWriter {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
	return w
}

func (w *bitWriter) ue(v uint32) *bitWriter {
	n := 0
	for (v+1)>>(n+1) != 0 {
		n++
	}
	return w.put(0, n).put(v+1, n+1)
}

// nal returns the NAL unit of the written bits: the header, and the bits with a stop bit and emulation prevention
// bytes.
func (w *bitWriter) nal(header ...byte) []byte {
	w.put(1, 1)
	out, zeros := header, 0
	for _, b := range w.b {
		if zeros == 2 && b <= 3 {
			out, zeros = append(out, 3), 0
		}
		out = append(out, b)
		if zeros++; b != 0 {
			zeros = 0
		}
	}
	return out
}

// Coded is a slice of an H.264 stream whose macroblocks are not compressed (I_PCM), so that any decoder can read it. A
// frame has 32 x 32 pixels.
type Coded struct {
	Kind      byte   // type of the NAL unit
	Ref       bool   // later pictures may refer to this one
	First     uint32 // first macroblock
	Count     int    // number of macroblocks; 0: all the rest of the picture
	PPS       uint32 // ID
	FrameNum  uint32
	Field     bool
	Bottom    bool
	IDRID     uint32
	POC       uint32
	Redundant uint32
	Level     byte // grey level
}

// CodedSets returns the parameter sets of a stream of Coded slices. With fields, a picture may be a frame or a field;
// otherwise each is a frame.
func CodedSets(fields bool) (sps, pps []byte) { return ReorderedSets(fields, 0) }

// ReorderedSets returns the parameter sets of a stream of Coded slices, as CodedSets does. By the SPS, at most depth
// pictures precede a picture that is presented before them.
func ReorderedSets(fields bool, depth uint32) (sps, pps []byte) {
	w := (&bitWriter{}).put(77, 8).put(0, 8).put(30, 8).ue(0) // Main, level 3
	w.ue(0).ue(0).ue(4)                                       // frame_num of 4 bits, picture order count of 8
	w.ue(2).put(0, 1)                                         // two reference frames
	w.ue(1)
	if fields {
		w.ue(0).put(0, 1).put(0, 1)
	} else {
		w.ue(1).put(1, 1)
	}
	w.put(1, 1).put(0, 1)                                                                       // direct_8x8, no cropping
	w.put(1, 1).put(0, 4).put(0, 4).put(1, 1).put(1, 1).ue(0).ue(0).ue(0).ue(0).ue(depth).ue(2) // VUI: bitstream_restriction
	p := (&bitWriter{}).ue(0).ue(0).put(0, 2).ue(0).ue(0).ue(0).put(0, 3).ue(0).ue(0).ue(0)     // CAVLC
	return w.nal(0x67), p.put(0, 2).put(1, 1).nal(0x68)                                         // redundant_pic_cnt_present
}

// NAL returns the NAL unit of the slice. fields is the argument of CodedSets for the parameter sets of the stream.
func (c Coded) NAL(fields bool) []byte {
	w := (&bitWriter{}).ue(c.First).ue(7).ue(c.PPS).put(c.FrameNum&15, 4)
	rows := 2
	if fields {
		w.put(bit(c.Field), 1)
		if c.Field {
			w.put(bit(c.Bottom), 1)
			rows = 1
		}
	}
	if c.Kind == 5 {
		w.ue(c.IDRID)
	}
	w.put(c.POC&255, 8).ue(c.Redundant)
	if c.Kind == 5 {
		w.put(0, 2)
	} else if c.Ref {
		w.put(0, 1)
	}
	w.ue(0) // slice_qp_delta
	count := c.Count
	if count == 0 {
		count = 2*rows - int(c.First)
	}
	for range count {
		w.ue(25) // I_PCM
		for w.n%8 != 0 {
			w.put(0, 1)
		}
		for i := range 384 {
			w.put(uint32(c.Level)+uint32(i%5), 8)
		}
	}
	header := c.Kind
	if c.Ref || c.Kind == 5 {
		header |= 0x60
	}
	return w.nal(header)
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// FrameHashes decodes NAL units with ffmpeg and returns the MD5 of each decoded frame. format is ffmpeg's name of the
// codec, such as h264. It fails the test if the decoder reports an error.
func FrameHashes(t *testing.T, format string, nals ...[]byte) (out []string) {
	t.Helper()
	var stream []byte
	for _, n := range nals {
		stream = append(append(stream, 0, 0, 0, 1), n...)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", format, "-i", "-", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	cmd.Stdin = bytes.NewReader(stream)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	text, err := cmd.Output()
	require.NoError(t, err, complaint.String())
	require.Empty(t, complaint.String(), "the decoder complains")
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			f := strings.Split(strings.TrimSpace(line), ",")
			out = append(out, strings.TrimSpace(f[len(f)-1]))
		}
	}
	return out
}

// HashOf returns the MD5, in hexadecimal digits, of NAL units one after another.
func HashOf(nals [][]byte) string {
	h := md5.New()
	for _, n := range nals {
		h.Write(n)
	}
	return hex.EncodeToString(h.Sum(nil))
}
