// Package footage is the contract between a reader of recordings, which package api/playback/units is, and the outputs that send
// recorded access units to clients.
//
//	Library.Extent    a stream      -> Extent: when its footage begins and ends, and its tracks at one moment
//	Library.Open      a Span of it  -> Reader: the access units, in the order in which they are sent
package footage
