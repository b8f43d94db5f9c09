package h264

// code is one word of a variable-length code: the lowest n bits of bits. The word without bits stands for a value that
// cannot occur.
type code struct {
	bits uint16
	n    uint8
}

// blockCodes holds the code words for one kind of block. token has those of coeff_token: index 4*total+ones is for a
// block of total non-zero levels, of which ones are trailing ones. zeros has those of total_zeros: zeros[total-1][n] is
// for n zeros before the last non-zero level.
type blockCodes struct {
	token []code
	zeros [][]code
}

func (w *writer) code(c code) { w.Put(uint32(c.bits), uint(c.n)) }

// pack returns the words that the texts spell in binary digits.
func pack(words ...string) []code {
	out := make([]code, len(words))
	for i, word := range words {
		for _, digit := range word {
			out[i].bits = out[i].bits<<1 | uint16(digit-'0')
			out[i].n++
		}
	}
	return out
}
