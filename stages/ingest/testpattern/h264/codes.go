package h264

// code is one word of a variable-length code. The empty word stands for a value that cannot occur.
type code struct {
	bits uint16
	n    uint8
}

// blockCodes holds the tables for one kind of block.
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
