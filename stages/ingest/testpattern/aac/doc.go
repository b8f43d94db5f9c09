// Package aac is a small AAC-LC encoder for 48 kHz tones (ISO/IEC 14496-3,
// subpart 4).
//
// It has one block length, one window (sine), one scale factor for the whole spectrum and one Huffman codebook, the
// one with escapes. That is poor for music and sufficient for a tone: its energy is in a few lines, which are coded
// finely, and all values below half a quantiser step cost no bits.
package aac
