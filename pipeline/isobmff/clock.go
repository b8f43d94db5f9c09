package isobmff

import "time"

const second = int64(time.Second)

// Seconds from 1900 to 1970, and from 1904 to 1970.
const (
	ntpEpoch   = 2208988800
	movieEpoch = 2082844800
)

// ToNTP converts a UTC time in ns to an NTP timestamp: 32.32 seconds since 1900, which wrap in
// 2036.
func ToNTP(utcNS int64) uint64 {
	sec, ns := utcNS/second, utcNS%second
	if ns < 0 {
		sec, ns = sec-1, ns+second
	}
	return uint64(sec+ntpEpoch)<<32 | (uint64(ns)<<32+uint64(second)/2)/uint64(second)
}

// FromNTP is the inverse of ToNTP between 1968 and 2104.
func FromNTP(ntp uint64) (utcNS int64) {
	sec := int64(ntp >> 32)
	if sec < 1<<31 {
		sec += 1 << 32
	}
	return (sec-ntpEpoch)*second + int64((ntp&0xffffffff*uint64(second)+1<<31)>>32)
}

// ToMovieTime converts a UTC time in ns to the time of a header box: seconds since 1904, and 0 for
// an unknown time.
func ToMovieTime(utcNS int64) uint64 {
	if utcNS <= 0 {
		return 0
	}
	return uint64(utcNS/second) + movieEpoch
}

// FromMovieTime is the inverse of ToMovieTime, and 0 for a time that no recording can have.
func FromMovieTime(seconds uint64) (utcNS int64) {
	if seconds <= movieEpoch || seconds >= movieEpoch+1<<33 {
		return 0
	}
	return int64(seconds-movieEpoch) * second
}

// PrftBytes is the size of a prft.
const PrftBytes = 32

// Prft is a producer reference time box: the wall clock of a sample (ISO/IEC 14496-12, 8.16.5).
type Prft struct {
	TrackID    uint32
	UTC        int64
	MediaTicks uint64
}

// ReadPrft reads the payload of a prft. whole is false if it is cut.
func ReadPrft(payload []byte) (p Prft, whole bool) {
	f := NewFields(payload)
	version, _ := f.FullBox()
	p.TrackID = f.U32()
	p.UTC = FromNTP(f.U64())
	p.MediaTicks = f.Versioned(version)
	return p, !f.Short()
}

// Prft appends a prft of PrftBytes.
func (w *Writer) Prft(p Prft) {
	at := w.OpenFull("prft", 1, 0)
	w.U32(p.TrackID)
	w.U64(ToNTP(p.UTC))
	w.U64(p.MediaTicks)
	w.Close(at)
}
