// Package media holds the data that flows through a recording pipeline: coded audio and
// video as columns, and the records that describe the recorded files.
//
//	publisher --AU--> Builder --*Chunk--> gop_ring --*Chunk--> segmenter --Part--> mp4 --Recording--> metadata
//
// The package uses the standard library and golang.org/x/sys only, and starts no goroutine. This comment is the
// glossary of the whole program: code, settings, API and documentation use each of these
// words in this one meaning.
//
// # Live media
//
//	stream         live media under a path such as live/camera01; a stream has tracks
//	publisher      a client, or spool's own pull client, that sends the media of a stream
//	track          one elementary stream: codec, timescale, parameter sets
//	track set      the immutable, numbered list of a stream's tracks; each change makes the next generation
//	lead track     the first video track, else the first of sound: it cuts GOPs and carries the wall clock
//	access unit    AU: one coded picture or one audio frame, with DTS and PTS
//	sync sample    an access unit at which a decoder can start; of a picture also called key frame
//	GOP            the access units from one sync sample of the lead track up to the next
//	chunk          the access units of all tracks of about one flush interval: the smallest unit
//	               of writing, and the most media that a crash can lose
//	mark           a chunk without media that carries a message to the following stages
//	view           a chunk that shows some tracks of another chunk and copies nothing
//	offline        a stream that was published before and has no publisher now
//
// # Pipelines
//
//	pipeline       a declared list of stages, with the streams that it records and a mode
//	stage          one step of a pipeline: it takes elements, emits elements, or both
//	element        a value that one stage hands to the next: chunk, part, recording
//	source, sink   the first and the last stage; between them are transforms, and buffers,
//	               which queue elements
//	mode           the condition under which a pipeline records a stream: manual, always or event
//	branch         a list of stages that another stage, such as tee, feeds
//	run            one life of a pipeline for one stream, from its start to its drain, failure or abort
//	drain          the orderly end of a run: the source stops, each stage flushes, files are finalised
//	abort          the immediate end of a run: chunks in flight are released, files are left to recovery
//	job            the recorder's object that keeps one pipeline running for one stream; an entry of
//	               crontab.jobs is a scheduled action, not a job
//	armed          of a job: it waits for a trigger, or for a publisher that the configuration does
//	               not name
//	trigger        a request or a detection that makes an event, or extends one
//	event          the interval from before the first trigger to after the last trigger
//
// # Files
//
//	segment        the media of one file, as the segmenter cuts it
//	part           one message from the segmenter to the muxer: a chunk of a segment, an event, or its end
//	fragment       a moof and its mdat (ISO/IEC 14496-12, 8.8): one or more chunks
//	recording      the catalogue's record of one segment
//	anchor         a pair of media time and UTC: anchors map the time of a file to the wall clock
//	gap            media missing before a chunk or file, or inside a file, with its cause
//	drop           media that a stage left out, counted with its cause
//	problem        a condition that keeps a part from its work now, with its cause and remedy
//	footage        the file and the row of a recording together
//	record directory  the directory below which the files of a recorder are; it has an identity
//	node           one recorder, by its configured name
//	location       a place that has the file of a recording: a node's record directory, or a bucket
//	protected      a recording that retention never deletes
//
// # Catalogue
//
//	catalogue      the database of recordings and events
//	journal        the local file to which each change of the catalogue is appended before the
//	               database gets it
//	row            the database's copy of a recording or an event
//	retention      the deletion of recordings by age, size and free space
//	recovery       the finalisation of a file that a crash left growing
//
// # Units
//
// The name of a field, constant or parameter that holds a plain number ends in its unit:
//
//	...NS         nanoseconds: a duration, or a time on the clock that the name mentions
//	...UTC        nanoseconds since 1970-01-01 UTC: a moment on the wall clock
//	...SteadyUTC  UTC less SteppedNS: a moment that a step of the wall clock does not move
//	...Ticks      ticks of the track's timescale
//	...Bytes      bytes
//
// DTS and PTS are ticks, Timescale is ticks a second, SampleRate is Hz, Width and Height
// are pixels. time.Duration and time.Time carry their unit in their type.
//
// # Invariants
//
//  1. No column holds a pointer, and the payload lies outside the collector's heap: an access
//     unit costs no allocation, and a file write is writev(moof, payload...).
//  2. A sealed chunk is read-only. All pipelines of a stream share it by reference count.
//  3. The receiver of a chunk, or of a part with a chunk, owns one reference and ends it
//     exactly once: with Release, or by handing it on. After every run, drained or aborted,
//     Pool.Outstanding is 0.
//  4. DTS of a track increases strictly within a chunk and from chunk to chunk of one track
//     set. EndTicks is not less than the last DTS.
//  5. Media time is integer ticks. A conversion converts absolute times and subtracts; it
//     never adds up rounded differences.
//  6. The wall clock never enters arithmetic on media time. SteppedNS records by how much it
//     was set: UTC less SteppedNS never steps.
//  7. A segment has one track set and begins with a sync sample of the lead track.
//  8. Under load, only a GOPQueue drops chunks (gop_ring, the branches of tee, the readers of a
//     stream): whole GOPs, or the rest of a GOP, so that the remaining media can be decoded.
//     A publisher beyond ingest_memory loses access units before they are in a chunk.
//  9. Media that is missing is counted, with a cause, and recorded as a gap exactly once.
//  10. Anchors increase strictly in media time and in UTC.
//  11. Words that are stored or shown to machines (causes, states, drop causes) are never renamed.
package media
