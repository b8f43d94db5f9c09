package repair

import "bytes"

// whole reports whether a sample is in the file and intact. Tables that refer to the same bytes
// again and again are damage, and would take for ever.
func (x *damagedFile) whole(t *track, at, n int64) (bool, error) {
	if at >= 0 && at <= x.sizeBytes-n {
		if x.judgedBytes += n; x.judgedBytes > 4*x.sizeBytes {
			return false, nil
		}
	}
	b, err := x.samples.bytes(at, n)
	return b != nil && t.intact(b), err
}

// intact checks a sample's content. It does not change b.
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

// zeroRun has more consecutive zeros than a coded audio frame; a lost block of a disk has 512 or
// more.
var zeroRun [128]byte

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
