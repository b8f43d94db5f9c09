// Package g726 decodes the sound of ITU-T G.726: differences of 2 to 5 bits.
package g726

import "math/bits"

// SampleRate is the rate of the decoded sound, Hz.
const SampleRate = 8000

// Decoder decodes one channel. Make it with NewDecoder.
type Decoder struct {
	form     *form
	codeBits uint
	lowFirst bool // the first code of a byte is in its lowest bits

	poles         [2]int32 // coefficients a1 and a2
	zeros         [6]int32 // coefficients b1 to b6
	differences   [6]float // the newest first
	reconstructed [2]float // the newest first
	signs         [2]int32 // of the newest partly reconstructed samples, -1 or 1
	prediction    int32    // of the next sample
	zeroPart      int32    // part of the prediction by the zeros
	tone          bool     // the poles are those of a narrow band

	shortAverage, longAverage, speed int32 // of the adaptation
	fastScale, slowScale, scale      int32 // logarithms
}

// NewDecoder returns a decoder at the beginning of a stream of codes of 2 to 5 bits, which stand for 16 to 40 kbit/s.
// lowFirst is the order of RFC 3551, 4.5.4: the first code is in the lowest bits of a byte. The other order is that of
// ITU-T I.366.2, annex E.
func NewDecoder(codeBits int, lowFirst bool) *Decoder {
	d := &Decoder{form: &forms[codeBits-2], codeBits: uint(codeBits), lowFirst: lowFirst}
	d.Reset()
	return d
}

// Reset returns the decoder to the beginning of a stream (values at reset, 4.2).
func (d *Decoder) Reset() {
	*d = Decoder{form: d.form, codeBits: d.codeBits, lowFirst: d.lowFirst, signs: [2]int32{1, 1}, fastScale: 544, slowScale: 34816, scale: 544}
	for i := range d.differences {
		d.differences[i] = floatOf(0)
	}
	for i := range d.reconstructed {
		d.reconstructed[i] = floatOf(0)
	}
}

// Samples returns the number of samples in a number of bytes.
func (d *Decoder) Samples(bytes int) int { return 8 * bytes / int(d.codeBits) }

// Append decodes coded, which begins with a code, and appends its samples to pcm, as 16 bits each, the low byte first.
// It ignores bits at the end that are no whole code.
func (d *Decoder) Append(pcm, coded []byte) []byte {
	var held, n uint // unread bits of the bytes so far, and their number
	for _, b := range coded {
		if d.lowFirst {
			held |= uint(b) << n
		} else {
			held = held<<8 | uint(b)
		}
		for n += 8; n >= d.codeBits; n -= d.codeBits {
			code := held >> (n - d.codeBits)
			if d.lowFirst {
				code, held = held, held>>d.codeBits
			}
			s := d.next(code & (1<<d.codeBits - 1))
			pcm = append(pcm, byte(s), byte(s>>8))
		}
	}
	return pcm
}

// next decodes a code and returns its sample, of 16 bits.
func (d *Decoder) next(code uint) int32 {
	difference := d.difference(code)
	tone := d.tone && difference > d.threshold()
	negative := code>>(d.codeBits-1) != 0
	if negative {
		difference = -difference
	}
	sample := int32(int16(d.prediction + difference))
	d.adaptPredictor(difference, negative, tone)
	d.reconstructed[0], d.reconstructed[1] = floatOf(sample), d.reconstructed[0]
	d.adaptScale(code, tone)
	d.predict()
	return min(max(4*sample, -1<<15), 1<<15-1)
}

// difference returns the magnitude of the difference that a code stands for (4.2.2, RECONST, ADDA and ANTILOG).
func (d *Decoder) difference(code uint) int32 {
	log := d.form.inverse[code] + d.scale>>2
	if log < 0 {
		return 0
	}
	return (128 + log&127) << (log >> 7 & 15) >> 7
}

// threshold returns the difference from which on a tone has ended (4.2.7, TRANS).
func (d *Decoder) threshold() int32 {
	whole, fraction := d.slowScale>>15, d.slowScale>>10&31
	t := int32(31 << 10)
	if whole <= 9 {
		t = (32 + fraction) << whole
	}
	return 3 * t >> 2
}

// adaptPredictor adapts the coefficients (4.2.6).
func (d *Decoder) adaptPredictor(difference int32, negative, toneEnded bool) {
	part := sign(d.zeroPart + difference)
	if toneEnded {
		d.poles, d.zeros = [2]int32{}, [6]int32{}
	} else {
		first := min(max(-d.poles[0]*d.signs[0]*part>>5, -256), 255)
		d.poles[1] = within(d.poles[1]+128*part*d.signs[1]+first-d.poles[1]>>7, 12288)
		d.poles[0] = within(d.poles[0]+192*part*d.signs[0]-d.poles[0]>>8, 15360-d.poles[1])
		for i := range d.zeros {
			step := 128 * sign(difference)
			if d.differences[i].negative {
				step = -step
			}
			d.zeros[i] += step - d.zeros[i]>>d.form.leak
		}
	}
	d.signs[0], d.signs[1] = part, d.signs[0]
	if part == 0 {
		d.signs[0] = 1
	}
	copy(d.differences[1:], d.differences[:])
	d.differences[0] = floatOf(difference)
	d.differences[0].negative = negative
	d.tone = d.poles[1] < -11776
}

// adaptScale adapts the scale of the differences and the speed of its adaptation (4.2.3 to 4.2.5).
func (d *Decoder) adaptScale(code uint, toneEnded bool) {
	average := d.form.averages[code] << 4
	d.shortAverage += average + -d.shortAverage>>5
	d.longAverage += average + -d.longAverage>>7
	if toneEnded {
		d.speed = 256
	} else {
		d.speed += -d.speed >> 4
		if apart := d.shortAverage<<2 - d.longAverage; d.scale <= 1535 || d.tone || max(apart, -apart) >= d.longAverage>>3 {
			d.speed += 32
		}
	}
	d.fastScale = min(max(d.scale+d.form.steps[code]+-d.scale>>5, 544), 5120)
	d.slowScale += d.fastScale + -d.slowScale>>6
	d.scale = (d.slowScale + (d.fastScale-d.slowScale>>6)*min(d.speed>>2, 64)) >> 6
}

// predict predicts the next sample (4.2.6, FMULT and ACCUM). The sums wrap at 16 bits.
func (d *Decoder) predict() {
	var sum int32
	for i, zero := range d.zeros {
		sum += floatOf(zero >> 2).times(d.differences[i])
	}
	d.zeroPart = int32(int16(sum)) >> 1
	for i, pole := range d.poles {
		sum += floatOf(pole >> 2).times(d.reconstructed[i])
	}
	d.prediction = int32(int16(sum)) >> 1
}

// float is a number with a mantissa of 6 bits (4.2.6, FLOATA and FLOATB).
type float struct {
	negative           bool
	exponent, mantissa int32
}

func floatOf(v int32) float {
	if v == 0 {
		return float{mantissa: 32}
	}
	magnitude := max(v, -v)
	exponent := int32(bits.Len32(uint32(magnitude)))
	return float{v < 0, exponent, magnitude << 6 >> exponent}
}

// times returns a product, which wraps at 16 bits.
func (f float) times(g float) int32 {
	product := (f.mantissa*g.mantissa + 48) >> 4
	if exponent := f.exponent + g.exponent; exponent > 19 {
		product <<= exponent - 19
	} else {
		product >>= 19 - exponent
	}
	if f.negative != g.negative {
		product = -product
	}
	return int32(int16(product))
}

// sign returns -1, 0 or 1.
func sign(v int32) int32 {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return 0
}

func within(v, most int32) int32 { return min(max(v, -most), most) }

// form holds the tables of one size of codes. Their index is the code.
type form struct {
	inverse  []int32 // logarithms of the differences in units of the scale (tables 4 to 7)
	steps    []int32 // changes of the fast scale (W, 4.2.4)
	averages []int32 // steps of the averages that set the speed (F, 4.2.5)
	leak     int32   // the zeros leak by 2 to the power of -leak (UPB, 4.2.6)
}

// none is a logarithm that stands for no difference, whatever the scale is.
const none = -1 << 15

// forms holds the forms by the bits of a code, less 2.
var forms = [4]form{
	{[]int32{116, 365, 365, 116}, []int32{-22, 439, 439, -22}, []int32{0, 7, 7, 0}, 8},
	{[]int32{none, 135, 273, 373, 373, 273, 135, none}, []int32{-4, 30, 137, 582, 582, 137, 30, -4}, []int32{0, 1, 2, 7, 7, 2, 1, 0}, 8},
	{
		[]int32{none, 4, 135, 213, 273, 323, 373, 425, 425, 373, 323, 273, 213, 135, 4, none},
		[]int32{-12, 18, 41, 64, 112, 198, 355, 1122, 1122, 355, 198, 112, 64, 41, 18, -12},
		[]int32{0, 0, 0, 1, 1, 1, 3, 7, 7, 3, 1, 1, 1, 0, 0, 0},
		8,
	},
	{
		[]int32{
			none, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566,
			566, 539, 514, 488, 459, 429, 395, 358, 318, 274, 224, 169, 104, 28, -66, none,
		},
		[]int32{
			14, 14, 24, 39, 40, 41, 58, 100, 141, 179, 219, 280, 358, 440, 529, 696,
			696, 529, 440, 358, 280, 219, 179, 141, 100, 58, 41, 40, 39, 24, 14, 14,
		},
		[]int32{
			0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6,
			6, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
		},
		9,
	},
}
