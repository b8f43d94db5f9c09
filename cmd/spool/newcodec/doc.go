// Package newcodec has tests only. They add codecs that no standard knows, each in one
// file as package codec has them, and record, read, cut and repair streams of them:
// nothing else in the program may have to change for a codec.
package newcodec
