package jpeg

// blockSamples is the number of samples of a block, and of values in a quantization table.
const blockSamples = 64

// Header describes a picture of three components, with chroma of half the width of luma, for decoders of baseline
// JPEG. Its Huffman tables are those of ITU-T T.81, annex K.3.
type Header struct {
	Width, Height int
	// HalfHeight: chroma has half the height of luma, too (4:2:0); else 4:2:2.
	HalfHeight bool
	// RestartInterval is the number of MCUs between restart markers; 0: there are no restart markers.
	RestartInterval uint16
	// Quantization holds the tables of luma and of chroma, in zigzag order. The second is nil if chroma has the table of
	// luma. A table of 128 bytes has values of 16 bits; a table of 64 bytes has values of 8 bits.
	Quantization [2][]byte
}

// Append appends all of a picture before its entropy-coded data.
func (h *Header) Append(b []byte) []byte {
	b = append(b, 0xff, soi)
	frame, chroma := byte(sof0), byte(0)
	for i, table := range h.Quantization {
		if table == nil {
			continue
		}
		precision := byte(0)
		if len(table) > blockSamples { // baseline DCT has 8 bits only
			precision, frame = 1, sof1
		}
		b = segment(b, dqt, 1+len(table))
		b = append(append(b, precision<<4|byte(i)), table...)
		chroma = byte(i)
	}
	if h.RestartInterval > 0 {
		b = segment(b, dri, 2)
		b = append(b, byte(h.RestartInterval>>8), byte(h.RestartInterval))
	}
	sampling := byte(0x21)
	if h.HalfHeight {
		sampling = 0x22
	}
	b = segment(b, frame, 15)
	b = append(b, 8, byte(h.Height>>8), byte(h.Height), byte(h.Width>>8), byte(h.Width), 3)
	b = append(b, 1, sampling, 0, 2, 0x11, chroma, 3, 0x11, chroma)
	b = append(b, huffman...)
	b = segment(b, sos, 10)
	return append(b, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0)
}

// segment appends a marker and the length of the n bytes that follow.
func segment(b []byte, marker byte, n int) []byte {
	return append(b, 0xff, marker, byte((n+2)>>8), byte(n+2))
}

// The quantization tables of ITU-T T.81, annex K.1, in zigzag order.
var standard = [2][blockSamples]uint16{
	{
		16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
		56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
	},
	{
		17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	},
}

// AppendTables appends the quantization tables of luma and of chroma for a quality from 1 to 99, with values of 8 bits
// (RFC 2435, 4.2).
func AppendTables(b []byte, quality int) []byte {
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	for _, table := range standard {
		for _, v := range table {
			b = append(b, byte(min(max((int(v)*scale+50)/100, 1), 255)))
		}
	}
	return b
}

// huffmanTables holds the tables of ITU-T T.81, annex K.3. codes has the number of codes of each length, and the values in the
// order of the codes.
var huffmanTables = [...]struct {
	name  byte // class and number
	codes string
}{
	{0x00, "\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00" + "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"},
	{0x10, "\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d" + acLuma},
	{0x01, "\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00" + "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"},
	{0x11, "\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77" + acChroma},
}

// huffman holds the DHT segments of huffmanTables.
var huffman = func() (b []byte) {
	for _, t := range huffmanTables {
		b = append(append(segment(b, dht, 1+len(t.codes)), t.name), t.codes...)
	}
	return b
}()

const (
	acLuma = "\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1" +
		"\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28\x29\x2a\x34\x35\x36\x37" +
		"\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a" +
		"\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3" +
		"\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3" +
		"\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa"
	acChroma = "\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1" +
		"\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26\x27\x28\x29\x2a\x35\x36" +
		"\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69" +
		"\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a" +
		"\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca" +
		"\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa"
)
