// Package codec reads what codecs say of themselves, wherever their bytes come
// from: a session description, a stream, a file.
package codec
