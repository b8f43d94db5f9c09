// Package transport receives data by SRT in live mode, as listener and as caller (draft-sharabayko-srt, Secure Reliable
// Transport Protocol).
//
//	socket -> datagram -> Conn.queue -> Conn.Run -> congestion/live (order, ACK, NAK) -> deliver
//	            | of no connection: handshake (Listener, Dial)
//
// The formats of packets, the key exchange and the receive buffer are those of gosrt. The sockets, the handshakes and
// the connections are of this package, because of what gosrt's own do:
//
//   - A SHUTDOWN of the peer discards the data that is still in the receive buffer. That is the end of each stream, as
//     long as the latency. Here the buffer is delivered first.
//   - The time of delivery follows the peer's clock at the handshake for ever (there is no drift tracer). When the clocks
//     have drifted apart by the latency, nothing can be sent again any more. Here it follows the fastest packets of the
//     last seconds: see timebase.
//   - A goroutine of each connection parses the packets of the peer, and a panic there ends the process. A handshake with
//     three bytes after its last extension, and a response to an HSv4 request, cause one. Here the caller owns the
//     goroutines, and a broken handshake is refused before it is parsed.
//   - A handshake that names a small MTU makes the connection allocate 4 GiB; packets with a time far ahead, and missing
//     ACKACKs, make it grow without bound.
//   - A repeated handshake gets no answer, so a caller whose answer is lost never connects.
//   - The codes of rejections by the application are sent without the 1000 that is added to them on the wire.
package transport
