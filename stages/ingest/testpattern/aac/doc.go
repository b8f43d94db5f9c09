// Package aac is a small AAC-LC encoder for 48 kHz tones (ISO/IEC 14496-3, subpart 4). The comments of the package give
// clauses and tables of this standard.
//
// It has one block length, one window shape (sine), one scale factor for the whole spectrum, and one Huffman
// codebook, number 11. That is poor for music but enough for a tone. The energy of a tone is in a few lines of the
// spectrum, which are coded finely. The other lines have the level 0, which costs few bits.
package aac
