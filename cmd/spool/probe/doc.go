// Package probe implements the command spool probe: it describes a file or a live stream by its tracks, the structure
// of its GOPs, the faults of its times, and the facts of its container.
//
//	file.Reader --sample--> trackProbe --+
//	                                     +--> Report --> table or JSON
//	hub.Puller  --*Chunk--> trackProbe --+
//
// Of a file it reads the tables and the headers of fragments, and of the media only the first bytes of key frames whose
// GOP may be open. Its memory does not grow with the number of samples: see distribution.
package probe
