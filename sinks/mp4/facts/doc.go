// Package facts stores the changes of a recording after its file is finished: its protection, and
// events that were added later. The file itself is immutable from then on, so that its bytes,
// its modification time and its ETag stay those that a client has seen.
//
//	RECORD DIRECTORY/.spool-directory
//	                 .spool-facts/lock
//	                              0193...-....        one for each recording that has facts
//
// There is one small file per recording instead of one log for all: only the few recordings
// that were protected or marked have facts, a change writes only one recording's facts (some
// hundred bytes), and the file is deleted with the recording's. A log would have to be read
// completely to look up one recording, be compacted while other processes append to it, and be
// repaired where a power cut tore its end. A facts file is replaced atomically (package
// durable): after a crash it has the old content or the new one.
//
// The file's name is the recording's ID: the recording's file may be renamed or moved within the
// record directory, and a new file under an old name does not inherit the old facts.
//
// Facts take precedence over the entry in the recording's file, which has the state at its end;
// files of earlier versions have later changes in their entry. So the catalogue can be rebuilt
// from the disk alone.
//
// The facts file is text: a line with the version, and the CRC32C and the length of the following
// JSON. If they do not match, Read returns ErrDamaged. It is then unknown whether the recording
// was protected, and it counts as protected until an operator decides: deletion is final.
//
// Each change holds a lock that is valid for all processes of the machine.
package facts
