package nalunit

import "encoding/binary"

// Each calls f with each NAL unit of an access unit in mdat form. It stops and returns false if a length is
// wrong or f returns false.
func Each(au []byte, f func(nal []byte) bool) bool {
	for len(au) > 0 {
		if len(au) < 4 {
			return false
		}
		n := binary.BigEndian.Uint32(au)
		if au = au[4:]; n == 0 || uint64(n) > uint64(len(au)) {
			return false
		}
		if !f(au[:n]) {
			return false
		}
		au = au[n:]
	}
	return true
}

// EachCut calls f with each NAL unit of an access unit in mdat form of which only the first bytes are there: the last
// NAL unit may be cut. It stops as Each does.
func EachCut(au []byte, f func(nal []byte) bool) {
	for len(au) > 4 {
		n := min(uint64(binary.BigEndian.Uint32(au)), uint64(len(au)-4))
		if n == 0 || !f(au[4:4+n]) {
			return
		}
		au = au[4+n:]
	}
}
