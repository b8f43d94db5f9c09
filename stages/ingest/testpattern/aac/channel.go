package aac

import "math/bits"

// bands holds the first line of each scale factor band of a long window at 48 kHz, and the end of the last band
// (table 4.129).
var bands = [...]uint16{
	0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 88, 96, 108, 120, 132, 144, 160, 176, 196,
	216, 240, 264, 292, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800, 832,
	864, 896, 928, 1024,
}

// channel writes the levels as an individual_channel_stream for one channel (4.4.2.7). gain is their scale factor.
func (e *Encoder) channel(gain int) {
	first, end := e.coded()
	w := &e.w
	w.Put(uint32(gain), 8)
	w.Put(0, 1) // ics_reserved_bit
	w.Put(0, 2) // window_sequence: ONLY_LONG
	w.Put(0, 1) // window_shape: sine
	w.Put(uint32(end), 6)
	w.Put(0, 1) // predictor_data_present
	e.section(0, first)
	e.section(spectralBook, end-first)
	for range end - first {
		w.Put(0, 1) // scale factor: the same as before
	}
	w.Put(0, 3) // no pulses, no TNS, no gain control
	for i := bands[first]; i < bands[end]; i += 2 {
		e.pair(e.levels[i], e.levels[i+1])
	}
}

const spectralBook = 11

// coded returns the smallest range of scale factor bands outside of which all levels are 0: from the band first up
// to, but without, the band end. If all levels are 0, both results are 0.
func (e *Encoder) coded() (first, end int) {
	for b := range len(bands) - 1 {
		for _, level := range e.levels[bands[b]:bands[b+1]] {
			if level != 0 {
				if end == 0 {
					first = b
				}
				end = b + 1
				break
			}
		}
	}
	return first, end
}

// section writes the number of the codebook of the next count bands. Codebook 0 marks bands without levels.
func (e *Encoder) section(book uint32, count int) {
	if count == 0 {
		return
	}
	e.w.Put(book, 4)
	for ; count >= 31; count -= 31 {
		e.w.Put(31, 5)
	}
	e.w.Put(uint32(count), 5)
}

// pair writes two levels (4.6.3.3): the word for their magnitudes, their signs, and the magnitudes that are too
// large for the word.
func (e *Encoder) pair(a, b int32) {
	ma, mb := magnitude(a), magnitude(b)
	word := book11[min(ma, escape)*(escape+1)+min(mb, escape)]
	e.w.Put(uint32(word)&0xfff, uint(word>>12))
	e.sign(a)
	e.sign(b)
	e.escaped(ma)
	e.escaped(mb)
}

func (e *Encoder) sign(level int32) {
	if level != 0 {
		e.w.Put(uint32(level)>>31, 1)
	}
}

func (e *Encoder) escaped(magnitude uint32) {
	if magnitude < escape {
		return
	}
	n := uint(bits.Len32(magnitude)) - 1 // at least 4
	e.w.Put(1<<(n-3)-2, n-3)             // n-4 ones and a zero
	e.w.Put(magnitude, n)
}

func magnitude(v int32) uint32 { return uint32(max(v, -v)) }
