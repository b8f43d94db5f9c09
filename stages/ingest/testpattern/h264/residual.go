package h264

// residual codes a block of levels, in scan order, by CAVLC (7.3.5.3.2, 9.2).
//
// The number of AC levels in the neighbouring blocks selects the table of coeff_token. It is always 0 here, because no
// macroblock has AC levels. codes holds the tables for the kind of the block.
func (w *writer) residual(levels []int32, codes *blockCodes) {
	var nonZero [16]int32 // from the highest frequency to the lowest
	var runs [16]uint8    // number of zeros before each of these, in scan order
	total, ones, zeros := 0, 0, 0
	counting := true // still among the trailing ones
	for i := len(levels) - 1; i >= 0; i-- {
		level := levels[i]
		if level == 0 {
			if total > 0 {
				runs[total-1]++
				zeros++
			}
			continue
		}
		counting = counting && ones < 3 && (level == 1 || level == -1)
		if counting {
			ones++
		}
		nonZero[total] = level
		total++
	}
	w.code(codes.token[4*total+ones])
	if total == 0 {
		return
	}
	for _, level := range nonZero[:ones] {
		w.flag(level < 0)
	}
	w.levels(nonZero[:total], ones)
	if total < len(levels) {
		w.code(codes.zeros[total-1][zeros])
	}
	for i := 0; i < total-1 && zeros > 0; i++ {
		w.code(runBefore[min(zeros, 7)-1][runs[i]])
		zeros -= int(runs[i])
	}
}

// levels codes the levels in nonZero after the first ones, which are trailing ones (9.2.2.1). The magnitude of a
// level is at most 2040, so the longest level_prefix is 15.
func (w *writer) levels(nonZero []int32, ones int) {
	suffix := uint(0)
	if len(nonZero) > 10 && ones < 3 {
		suffix = 1
	}
	for i := ones; i < len(nonZero); i++ {
		magnitude := nonZero[i]
		code := uint32(2*magnitude - 2)
		if magnitude < 0 {
			magnitude = -magnitude
			code = uint32(2*magnitude - 1)
		}
		if i == ones && ones < 3 {
			code -= 2 // this level is not 1 or -1, or it would be a trailing one
		}
		w.level(code, suffix)
		if suffix == 0 {
			suffix = 1
		}
		if magnitude > 3<<(suffix-1) && suffix < 6 {
			suffix++
		}
	}
}

func (w *writer) level(code uint32, suffix uint) {
	switch {
	case suffix == 0 && code < 14:
		w.Put(1, uint(code)+1)
	case suffix == 0 && code < 30:
		w.Put(1, 15)
		w.Put(code-14, 4)
	case suffix == 0:
		w.Put(1, 16)
		w.Put(code-30, 12)
	case code < 15<<suffix:
		w.Put(1, uint(code>>suffix)+1)
		w.Put(code, suffix)
	default:
		w.Put(1, 16)
		w.Put(code-15<<suffix, 12)
	}
}
