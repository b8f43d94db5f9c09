// Package aac is a small AAC-LC encoder for 48 kHz tones (ISO/IEC 14496-3,
// subpart 4).
//
// It has one block length, one window shape (sine), one scale factor for the whole spectrum, and one Huffman
// codebook, number 11. That is poor for music but enough for a tone. The energy of a tone is in a few lines, which
// are coded finely, and all values below half a quantiser step cost few bits.
package aac
