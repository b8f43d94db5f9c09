// Package remux implements the command spool remux, which copies a file into a new one, of the same or another kind:
//
//	file --*Chunk--> segmenter, mp4 or mpegts --> temporary directory --> name of the output
package remux
