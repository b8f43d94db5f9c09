// Package wire speaks the lower half of RTMP ("Adobe's Real Time Messaging Protocol" 1.0): the handshake, chunks,
// protocol control messages, and the commands by which a peer connects, publishes and plays. It knows no media: a
// message of sound, pictures or data is a type, a time and bytes.
//
//	bytes -> handshake -> chunks (chunks.go) -> Message -> control messages: answered here (conn.go)
//	                                                    |  commands: Command (command.go)
//	                                                    |  media and data: for the caller
//
// gortmplib has the handshake, AMF0 and the writer of chunks. Its reader is not used: it ends the connection at
// messages and chunk streams that it does not know, and the memory of its fragments has no bound before a client has
// been authorized.
package wire
