// Package facts keeps on the disk what changes of a recording once its file is
// finished: its protection, and events that were added later. The file itself is not
// written any more, so its bytes, its time and its ETag stay what a client has of them.
//
//	RECORD DIRECTORY/.spool-directory
//	                 .spool-facts/lock
//	                              0193...-....        one for each recording that has facts
//
// One small file a recording, and not one log for all: only the few recordings have
// facts that somebody protected or marked, a change writes what one of them has (some
// hundred bytes), and the file goes with the recording's. A log would have to be read as a
// whole by whoever wants to know one recording, be compacted beside other processes
// that append to it, and be repaired where a power cut tore its end. A file is replaced by
// another one (package durable): it is there as it was or as it is to be, whatever
// happens in between.
//
// The name is the recording's ID: a recording's file may be renamed or moved within the
// record directory, and a new file under an old name has no facts of the old one.
//
// What a fact says comes before what the entry in the recording's file says, which is
// what was known when that was finished; files of earlier versions carry what was
// changed later in their entry. So the catalogue can be built again from the disk alone.
//
// The facts file is text: a line with the version, the CRC32C and the length of what
// follows, and JSON. One that does not match is an ErrDamaged. It is then not known
// whether the recording was protected, and it counts as protected until somebody says
// otherwise: what was deleted does not come back.
//
// A change is made under a lock that holds for all processes of the machine.
package facts
