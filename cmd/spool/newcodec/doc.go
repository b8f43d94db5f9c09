// Package newcodec has only tests. They show that a new codec is one file: they register codecs that
// no standard defines, each in a file like those of package codec, and record, read, segment and repair
// streams with them, without a change of other code.
package newcodec
