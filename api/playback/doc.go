// Package playback opens the files of recordings by their names below the record directory, finished
// and growing ones, and sends them over HTTP with range and conditional requests (RFC 9110, 13 and
// 14).
package playback
