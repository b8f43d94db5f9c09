// Package webhook is the stage "webhook": it tells an HTTP server of recordings
// and events, at least once.
//
//	mp4 --media.Recording--> webhook --media.Recording--> metadata
//	                           |
//	                        Outbox: one file a notice --POST--> server
//
// A notice is on the disk before the recording goes on to the next stage, and is
// removed when the server has answered 2xx. What is there when the process starts,
// after a kill or a power cut, is sent again. A file whose end a crash kept from this
// stage is told of when recovery has finished it, but for those of a tee's branches.
// An event that is marked in a file long finished does not come by here: nothing is
// told of it.
// So a server may hear a notice twice: webhook-id is the same then.
//
// # Files of the outbox
//
//	<16 hex digits: when, in ns>.notice   JSON, see Notice
//	*.new                                 not finished: removed at start
//
// Written, synced, renamed, directory synced. A file holds all that is needed to
// send it but the secret, which is read from its own file or variable each time,
// so that it is neither in the outbox nor in a configuration that somebody shows.
//
// # Signature
//
// As in Standard Webhooks: webhook-signature is "v1," and the base64 of HMAC-SHA256
// over "<webhook-id>.<webhook-timestamp>.<body>". The timestamp, in seconds, is
// that of the attempt: a receiver refuses old ones against replays by others.
package webhook
