// Package g722 decodes the sound of ITU-T G.722 at 64 kbit/s: two bands, coded as differences.
package g722

// SampleRate is the rate of the decoded sound, Hz. A byte holds two samples.
const SampleRate = 16000

// Decoder decodes one channel. Make it with NewDecoder.
type Decoder struct {
	low, high band
	sums      [24]int32 // input of the synthesis filter, the newest last
}

// NewDecoder returns a decoder at the beginning of a stream.
func NewDecoder() *Decoder {
	d := new(Decoder)
	d.Reset()
	return d
}

// Reset returns the decoder to the beginning of a stream (table 10, values at reset).
func (d *Decoder) Reset() { *d = Decoder{low: band{scale: 8}, high: band{scale: 2}} }

// Samples returns the number of samples in a number of bytes.
func (d *Decoder) Samples(bytes int) int { return 2 * bytes }

// Append decodes coded and appends its samples to pcm, as 16 bits each, the low byte first.
func (d *Decoder) Append(pcm, coded []byte) []byte {
	for _, code := range coded {
		low, high := code&0x3f, code>>6
		rlow := clip(d.low.scale*lowInverse6[low]>>10+d.low.prediction, 14)
		d.low.adapt(d.low.scale * lowInverse4[low>>2] >> 10)
		d.low.rescale(lowSteps[low>>2], 18432, 8)
		difference := d.high.scale * highInverse[high] >> 10
		rhigh := clip(difference+d.high.prediction, 14)
		d.high.adapt(difference)
		d.high.rescale(highSteps[high&1], 22528, 10)

		copy(d.sums[:], d.sums[2:])
		d.sums[22], d.sums[23] = rlow+rhigh, rlow-rhigh
		var first, second int32
		for i, c := range synthesis {
			second += c * d.sums[2*i]
			first += synthesis[len(synthesis)-1-i] * d.sums[2*i+1]
		}
		first, second = clip(first>>11, 15), clip(second>>11, 15)
		pcm = append(pcm, byte(first), byte(first>>8), byte(second), byte(second>>8))
	}
	return pcm
}

// band is the state of the decoder of one band (6.2).
type band struct {
	prediction    int32    // of the next sample
	zeroPart      int32    // part of the prediction by the zeros
	poles         [2]int32 // coefficients
	zeros         [6]int32 // coefficients
	differences   [6]int32 // doubled, the newest first
	reconstructed int32    // newest one, doubled
	negative      [2]bool  // signs of the newest partly reconstructed samples, the newest first
	logScale      int32
	scale         int32
}

// adapt adapts the predictor to a quantized difference, and predicts the next sample (blocks 4 of 6.2.1 and 6.2.2).
func (b *band) adapt(difference int32) {
	negative := b.zeroPart+difference < 0
	first, second := int32(1), int32(-1) // signs of the changes of the poles
	if negative == b.negative[0] {
		first = -1
	}
	if negative == b.negative[1] {
		second = 1
	}
	b.negative[0], b.negative[1] = negative, b.negative[0]
	b.poles[1] = within(first*within(b.poles[0], 8191)>>5+second*128+b.poles[1]*127>>7, 12288)
	b.poles[0] = within(-192*first+b.poles[0]*255>>8, 15360-b.poles[1])

	b.zeroPart = 0
	for i := len(b.zeros) - 1; i >= 0; i-- {
		b.zeros[i] = b.zeros[i] * 255 >> 8
		switch {
		case difference == 0:
		case b.differences[i]^difference < 0:
			b.zeros[i] -= 128
		default:
			b.zeros[i] += 128
		}
		if i > 0 {
			b.differences[i] = b.differences[i-1]
		} else {
			b.differences[0] = int32(int16(2 * difference))
		}
		b.zeroPart += b.differences[i] * b.zeros[i] >> 15
	}
	reconstructed := clip(2*(b.prediction+difference), 15)
	b.prediction = clip(b.zeroPart+b.poles[0]*reconstructed>>15+b.poles[1]*b.reconstructed>>15, 15)
	b.reconstructed = reconstructed
}

// rescale adapts the scale of the differences (blocks 3 of 6.2.1 and 6.2.2). The scale is 2 to the power of its
// logarithm, whose unit is 1/2048, less an offset.
func (b *band) rescale(step, most, offset int32) {
	b.logScale = min(max(b.logScale*127>>7+step, 0), most)
	b.scale = powers[b.logScale>>6&31]
	if shift := b.logScale>>11 - offset; shift < 0 {
		b.scale >>= -shift
	} else {
		b.scale <<= shift
	}
}

// clip limits v to a signed number of bits+1 bits.
func clip(v int32, bits int) int32 { return min(max(v, -1<<bits), 1<<bits-1) }

func within(v, most int32) int32 { return min(max(v, -most), most) }

// powers holds 2048 times 2 to the power of i/32 (table 17).
var powers = [32]int32{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}

// The changes of the logarithms of the scales, by code (tables 14 and 18), and the differences, by code, in units of the
// scale (tables 15, 16 and 18).
var (
	highSteps   = [2]int32{798, -214}
	highInverse = [4]int32{-926, -202, 926, 202}
	lowSteps    = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	lowInverse4 = [16]int32{0, -2557, -1612, -1121, -786, -530, -323, -150, 2557, 1612, 1121, 786, 530, 323, 150, 0}
	lowInverse6 = [64]int32{
		-17, -17, -17, -17, -3101, -2738, -2376, -2088, -1873, -1689, -1535, -1399, -1279, -1170, -1072, -982,
		-899, -822, -750, -682, -618, -558, -501, -447, -396, -347, -300, -254, -211, -170, -130, -91,
		3101, 2738, 2376, 2088, 1873, 1689, 1535, 1399, 1279, 1170, 1072, 982, 899, 822, 750, 682,
		618, 558, 501, 447, 396, 347, 300, 254, 211, 170, 130, 91, 54, 17, -54, -17,
	}
)

// synthesis holds every second coefficient of the filter that joins the bands; the other ones are the same, backwards
// (table 11).
var synthesis = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
