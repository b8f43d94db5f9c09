package repair

import "bytes"

// whole reports whether the n bytes at offset at, a sample of track t, are in the file and intact.
// It returns false as soon as the checked samples together have more than four times the bytes of
// the file: the tables then refer to the same bytes again and again, which is damage, and checking
// them could take very long. The error comes from the disk.
func (x *damagedFile) whole(t *track, at, n int64) (bool, error) {
	if at >= 0 && at <= x.sizeBytes-n {
		if x.judgedBytes += n; x.judgedBytes > 4*x.sizeBytes {
			return false, nil
		}
	}
	b, err := x.samples.bytes(at, n)
	return b != nil && t.intact(b), err
}

// intact reports whether the content of a sample is intact: for codecs with NAL units their
// lengths and headers, for other dense codecs that it has no long run of zeros.
func (t *track) intact(b []byte) bool {
	if t.nal == 0 {
		return !t.dense || len(b) < 8 || !zeros(b) && !bytes.Contains(b, zeroRun[:])
	}
	for len(b) > 0 {
		if len(b) < t.nal {
			return false
		}
		n := 0
		for _, c := range b[:t.nal] {
			n = n<<8 | int(c)
		}
		if n < 1 || n > len(b)-t.nal || b[t.nal]&0x80 != 0 { // forbidden_zero_bit
			return false
		}
		if bytes.Contains(b[t.nal:t.nal+n], zeroRun[:3]) {
			return false // three zeros in a NAL unit are escaped by its encoder (ISO/IEC 14496-10, 7.4.1)
		}
		b = b[t.nal+n:]
	}
	return true
}

// zeroRun is longer than any run of zeros in a coded audio frame, and shorter than the zeros of a
// lost disk block, which has at least 512 bytes.
var zeroRun [128]byte

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
