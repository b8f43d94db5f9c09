package h264

// macroblock codes the macroblock in column mx and row my as Intra_16x16 with DC prediction and without AC levels.
// typeBase is the first mb_type of intra macroblocks in this type of slice.
func (e *Encoder) macroblock(mx, my int, typeBase uint32) {
	var luma [16]int32
	var u, v [4]int32
	e.lumaLevels(mx, my, &luma)
	colour := e.chromaLevels(e.m.u, mx, my, &u)
	colour = e.chromaLevels(e.m.v, mx, my, &v) || colour

	mbType := typeBase + 1 + 2 // Intra_16x16, prediction mode DC
	if colour {
		mbType += 4 // coded_block_pattern: chroma DC
	}
	e.w.ue(mbType)
	e.w.ue(0) // intra_chroma_pred_mode: DC
	e.w.se(0) // mb_qp_delta
	e.w.residual(luma[:], &lumaCodes)
	if colour {
		e.w.residual(u[:], &chromaCodes)
		e.w.residual(v[:], &chromaCodes)
	}
}

// zigzag is the frame scan of a 4x4 block (table 8-2).
var zigzag = [16]uint8{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15}

// lumaLevels sets out to the levels of a macroblock's luma: the transformed difference between its tiles and their
// prediction, in scan order. The caller passes zeros.
func (e *Encoder) lumaLevels(mx, my int, out *[16]int32) {
	stride := 4 * e.m.cols
	at := my*4*stride + mx*4
	pred := e.lumaPrediction(at, stride, mx > 0, my > 0)
	var x [16]int32
	var differs int32
	for i := range x {
		x[i] = int32(e.m.y[at+i/4*stride+i%4]) - pred
		differs |= x[i]
	}
	if differs == 0 {
		return
	}
	hadamard4(&x)
	for i, at := range zigzag {
		out[i] = x[at] / 2 // x[at] is even: see the comment of the package
	}
}

// lumaPrediction returns the prediction Intra_16x16_DC (8.3.3.3): the mean of the pixels above the macroblock and
// to its left, as far as these exist.
func (e *Encoder) lumaPrediction(at, stride int, left, above bool) int32 {
	var sum, n int32 // of tiles along the edge, four pixels each
	for i := range 4 {
		if left {
			sum += int32(e.m.y[at+i*stride-1])
			n++
		}
		if above {
			sum += int32(e.m.y[at-stride+i])
			n++
		}
	}
	if n == 0 {
		return 128
	}
	return (sum + n/2) / n
}

// chromaLevels sets out to the levels of a macroblock in one colour plane: the transformed difference between its tiles
// and their prediction. It returns false, and leaves out unchanged, if they do not differ.
func (e *Encoder) chromaLevels(plane []uint8, mx, my int, out *[4]int32) bool {
	stride := 2 * e.m.cols
	at := my*2*stride + mx*2
	var x [4]int32
	for i := range x {
		x[i] = int32(plane[at+i/2*stride+i%2]) - chromaPrediction(plane, at, stride, i, mx > 0, my > 0)
	}
	if x == [4]int32{} {
		return false
	}
	a, b, c, d := x[0]+x[1], x[0]-x[1], x[2]+x[3], x[2]-x[3]
	*out = [4]int32{a + c, b + d, a - c, b - d}
	return true
}

// chromaPrediction returns the prediction of tile 0, 1, 2 or 3 of a macroblock (8.3.4.1-3). Tiles 0 and 3 get the
// mean of the pixels above the macroblock and to its left, tile 1 the mean of the pixels above, and tile 2 the mean
// of those to the left. If one of these edges does not exist, the other edge replaces it; without both, the
// prediction is 128.
func chromaPrediction(plane []uint8, at, stride, tile int, left, above bool) int32 {
	var l, a int32
	if left {
		l = int32(plane[at+tile/2*stride-1])
	}
	if above {
		a = int32(plane[at-stride+tile%2])
	}
	switch {
	case !left && !above:
		return 128
	case !left || tile == 1 && above:
		return a
	case !above || tile == 2:
		return l
	}
	return (l + a + 1) / 2
}

// hadamard4 replaces x by H x H, with the matrix H of clause 8.5.10. A second call would give 16 times the first x.
func hadamard4(x *[16]int32) {
	for i := 0; i < 16; i += 4 {
		butterfly(&x[i], &x[i+1], &x[i+2], &x[i+3])
	}
	for i := range 4 {
		butterfly(&x[i], &x[i+4], &x[i+8], &x[i+12])
	}
}

func butterfly(a, b, c, d *int32) {
	s, t, u, v := *a+*b, *a-*b, *c+*d, *c-*d
	*a, *b, *c, *d = s+u, s-u, t-v, t+v
}
