// Package h264 is a small H.264 encoder for drawn pictures. It codes mosaics: pictures of flat tiles, 4x4 pixels of
// luma and 8x8 pixels of colour. It trades detail for size and speed: the whole encoder is prediction from the
// neighbours, one Hadamard transform and one table of code words, its work is proportional to the changed
// macroblocks, and it is lossless.
//
// # Why it is lossless
//
// Every macroblock is Intra_16x16 with DC prediction, and of the residual only
// the DC levels are coded. Tiles are flat, so is the prediction, and the DC
// levels can express any mosaic. At QP 10 the decoder computes (clause 8.5.10)
//
//	f = H c H,  dc = 8 f,  residual = (dc + 32) >> 6
//
// and c = H x H / 2 gives back x exactly, provided that the sum of the tiles of
// a macroblock is even. Mosaic keeps luma to even values, so it is. For colour
// (8.5.11), c = H x H is exact for any value.
//
// The encoder therefore needs no model of the decoder: the decoded picture equals the drawn one, and the drawing
// itself is the reference of the next picture.
//
// # The stream
//
// Constrained Baseline, one slice a picture, no deblocking, no reordering: IDR pictures, and P pictures in which a
// macroblock is either unchanged (P_Skip, whose motion vector is always zero here since the picture has no motion) or
// coded as above.
package h264
