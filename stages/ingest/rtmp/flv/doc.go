// Package flv divides messages of sound and pictures into the packets of tracks: those of the FLV format ("Adobe Flash
// Video File Format Specification" 10.1, annex E), which RTMP carries, and those of Enhanced RTMP v2 ("Enhanced RTMP
// (V2)", sections Enhanced Audio and Enhanced Video). It does not read the data of a codec.
package flv
