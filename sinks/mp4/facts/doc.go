// Package facts stores the facts of a recording: changes that were made after its MP4 file was
// begun by other parts than the recorder. These are its protection, and events that were added
// later. They are stored beside the MP4 file, because a finished one is immutable: its bytes, its
// modification time and its ETag stay those that a client has seen.
//
//	RECORD DIRECTORY/.spool-directory
//	                 .spool-facts/lock
//	                              0193...-....        one for each recording that has facts
//
// There is one small facts file per recording instead of one log for all: few recordings have
// facts, a change writes some hundred bytes, and the facts file is deleted with the recording. A
// log would have to be read completely to look up one recording, be compacted while other
// processes append to it, and be repaired where a power cut tore its end. A facts file is
// replaced atomically (package durable): after a crash it has the old content or the new one.
//
// The name of a facts file is the recording's ID: the MP4 file may be renamed or moved within the
// record directory, and a new MP4 file under an old name does not inherit old facts.
//
// Facts take precedence over the catalogue entry in the MP4 file, which has the state when the
// file was finished. (Earlier versions wrote later changes into the entry.) Both together suffice
// to rebuild the catalogue from the disk alone.
//
// A facts file is text: a line with the format's version, and the CRC32C and the length of the
// JSON that follows. If they do not match, Read returns ErrDamaged. It is then unknown whether
// the recording was protected. It counts as protected until an operator decides, because a
// deletion cannot be undone.
//
// Each change holds a file lock, which excludes the other processes of the machine.
package facts
