package aac

import (
	"math"
	"math/bits"
)

const (
	lines    = 1024      // number of values in a spectrum, and of new samples in each frame
	window   = 2 * lines // samples in the window of a frame
	quarters = lines / 2 // a quarter of the window
)

// transform computes the MDCT of a window by a complex FFT of a quarter of the window's length.
type transform struct {
	sine  [window]float64
	twist [quarters]complex128     // factors before and after the FFT
	roots [quarters / 2]complex128 // roots of unity of the FFT
	buf   [quarters]complex128
}

func newTransform() *transform {
	t := &transform{}
	for i := range t.sine {
		t.sine[i] = math.Sin(math.Pi / window * (float64(i) + 0.5))
	}
	for i := range t.twist {
		t.twist[i] = unit(-math.Pi / lines * (float64(i) + 0.125))
	}
	for i := range t.roots {
		t.roots[i] = unit(-2 * math.Pi / quarters * float64(i))
	}
	return t
}

func unit(angle float64) complex128 { return complex(math.Cos(angle), math.Sin(angle)) }

// mdct sets out to the MDCT of the windowed samples (4.6.11.3.1), with the standard's factor of 2.
func (t *transform) mdct(pcm *[window]float64, out *[lines]float64) {
	for n := range t.buf {
		t.buf[n] = complex(t.folded(pcm, 2*n), t.folded(pcm, lines-1-2*n)) * t.twist[n]
	}
	t.fft()
	for k, v := range t.buf {
		v *= t.twist[k]
		out[2*k] = 2 * real(v)
		out[lines-1-2*k] = -2 * imag(v)
	}
}

// folded returns sample n of the windowed samples, folded to half the window's length. The DCT-IV of the folded
// samples is the MDCT.
func (t *transform) folded(pcm *[window]float64, n int) float64 {
	const half = lines / 2
	at := func(i int) float64 { return pcm[i] * t.sine[i] }
	if n < half {
		return -at(lines+half-1-n) - at(lines+half+n)
	}
	return at(n-half) - at(lines+half-1-n)
}

// fft transforms buf in place, by radix 2.
func (t *transform) fft() {
	const shift = 64 - 9 // quarters is 1 << 9
	for i := range t.buf {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			t.buf[i], t.buf[j] = t.buf[j], t.buf[i]
		}
	}
	for size := 2; size <= quarters; size *= 2 {
		for base := 0; base < quarters; base += size {
			for k := range size / 2 {
				lo, hi := &t.buf[base+k], &t.buf[base+k+size/2]
				d := *hi * t.roots[k*(quarters/size)]
				*lo, *hi = *lo+d, *lo-d
			}
		}
	}
}
