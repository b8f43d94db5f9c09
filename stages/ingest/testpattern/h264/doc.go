// Package h264 is a small H.264 encoder for drawn pictures. It codes mosaics: pictures of flat tiles, of 4x4 pixels in
// luma and 8x8 pixels in colour. It is lossless and fast: it uses prediction from the neighbours, Hadamard transforms
// and few tables of code words, and its work for a P picture grows with the number of changed macroblocks. The comments
// of the package give clauses and tables of ITU-T H.264.
//
// # Why it is lossless
//
// Every coded macroblock is Intra_16x16 with DC prediction, and of the residual only the DC levels are coded. Tiles and
// prediction are flat, so the DC levels can express any mosaic. Let x be the 4x4 differences of the tiles from the
// prediction, c the levels, and H the Hadamard matrix. At QP 10 the decoder computes (8.5.10)
//
//	f = H c H,  dc = 8 f,  residual = (dc + 32) >> 6
//
// and c = H x H / 2 makes the residual equal x, provided that H x H is even. It is, because Mosaic makes luma values
// even. For colour (8.5.11), c = H x H is exact for any value.
//
// So the encoder needs no model of the decoder: the decoded picture equals the drawn picture, which is the reference of
// the next picture.
//
// # The stream
//
// Constrained Baseline profile, one slice a picture, without deblocking and reordering. There are IDR pictures, and
// P pictures whose macroblocks are either unchanged or coded as above. An unchanged macroblock is P_Skip; its
// motion vector is always zero, because the pictures have no motion vectors.
package h264
