// Package newcodec has only tests. They register codecs that no standard defines, each in one
// file like those of package codec, and record, read, cut and repair streams of them. No other
// code of the program may need a change for a new codec.
package newcodec
