// Package record implements the command spool record: it records one stream into files, without a server, a catalogue or a
// configuration.
//
//	hub.Puller --AU--> hub --*Chunk--> [source, segmenter, mp4] --> files
//	                                   recorder: again after each failure, until the end
package record
