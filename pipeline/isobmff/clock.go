package isobmff

import "time"

const second = int64(time.Second)

// Seconds from 1900 to 1970, and from 1904 to 1970.
const (
	ntpEpoch   = 2208988800
	movieEpoch = 2082844800
)

// toNTP converts a UTC time to an NTP timestamp: seconds since 1900 with 32 bits before and 32
// after the binary point, which wrap to 0 in 2036.
func toNTP(utcNS int64) uint64 {
	sec, ns := utcNS/second, utcNS%second
	if ns < 0 {
		sec, ns = sec-1, ns+second
	}
	return uint64(sec+ntpEpoch)<<32 | (uint64(ns)<<32+uint64(second)/2)/uint64(second)
}

// fromNTP converts an NTP timestamp to the UTC time between 1968 and 2104 that it stands for.
func fromNTP(ntp uint64) (utcNS int64) {
	sec := int64(ntp >> 32)
	if sec < 1<<31 {
		sec += 1 << 32
	}
	return (sec-ntpEpoch)*second + int64((ntp&0xffffffff*uint64(second)+1<<31)>>32)
}

// ToMovieTime converts a UTC time to the time in mvhd, tkhd and mdhd: seconds since 1904. It
// returns 0, an unknown time, for a UTC time that is not positive.
func ToMovieTime(utcNS int64) uint64 {
	if utcNS <= 0 {
		return 0
	}
	return uint64(utcNS/second) + movieEpoch
}

// FromMovieTime converts the time in mvhd, tkhd and mdhd to UTC. It returns 0 for a time before
// 1970 or hundreds of years after, which no recording can have.
func FromMovieTime(seconds uint64) (utcNS int64) {
	if seconds <= movieEpoch || seconds >= movieEpoch+1<<33 {
		return 0
	}
	return int64(seconds-movieEpoch) * second
}

// PrftBytes is the size of the prft box that Writer.Prft appends.
const PrftBytes = 32

// Prft holds the fields of a prft, the producer reference time of a sample: its time in the track
// and on the wall clock (ISO/IEC 14496-12, 8.16.5).
type Prft struct {
	TrackID    uint32
	UTC        int64
	MediaTicks uint64 // decode time of the sample
}

// ReadPrft reads the payload of a prft. whole is false if the box is cut.
func ReadPrft(payload []byte) (p Prft, whole bool) {
	f := NewFields(payload)
	version, _ := f.FullBox()
	p.TrackID = f.U32()
	p.UTC = fromNTP(f.U64())
	p.MediaTicks = f.Versioned(version)
	return p, !f.Short()
}

// Prft appends a prft box of PrftBytes.
func (w *Writer) Prft(p Prft) {
	at := w.OpenFull("prft", 1, 0)
	w.U32(p.TrackID)
	w.U64(toNTP(p.UTC))
	w.U64(p.MediaTicks)
	w.Close(at)
}
