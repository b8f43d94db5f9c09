// Package udp takes MPEG transport streams as UDP datagrams, unicast and multicast: plain, or in RTP (RFC 2250). It
// registers the server ingest.mpegts, and the schemes udp:// and rtp:// of pulled streams.
//
//	socket -> receiver -> flow: one sender -> reorder (RTP) -> mpegts.Demuxer -> hub.Publisher
//	                      | datagrams of other senders are counted
//
// A datagram names no stream, so each address belongs to one path: in the settings of the server, or by the URL of a
// pulled stream. The difference: the server publishes whatever comes, as ingest.auth permits it, and a pulled stream
// listens only while it is recorded or watched.
//
// # Senders
//
// An address takes the datagrams of one sender, the first one whose datagrams have packets of a transport stream. Those of
// others are counted (media.DropForeignSSRC). Another sender takes its place when it has been silent for takeOver, or has
// sent no media for proof.
package udp
