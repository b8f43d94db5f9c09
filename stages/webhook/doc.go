// Package webhook is the stage "webhook": it notifies an HTTP server of recordings and events, at
// least once.
//
//	mp4 --media.Recording--> webhook --media.Recording--> metadata
//	                           |
//	                        Outbox: one file a notice --POST--> server
//
// The outbox stores a notice on disk before the recording goes on to the next stage, and deletes it
// after a 2xx response. At the start of the process it sends the notices that a kill or a power cut
// left. When a crash kept the end of a file from this stage, recovery sends the notice after it has
// finished the file, except for the files of a tee's branches. An event that is marked in a file
// finished long before does not pass this stage, so that no notice is sent for it. A server may
// receive a notice twice: both have the same webhook-id.
//
// # Files of the outbox
//
//	<16 hex digits: time of creation, in ns>.notice   JSON, see Notice
//	*.new                                 unfinished: deleted at the start
//
// A file is written, synced and renamed, then the directory is synced. It holds everything that is
// needed to send the notice except the secret, which is read from its own file or variable for each
// attempt, so that neither the outbox nor a printed configuration contains it.
//
// # Signature
//
// Signatures follow Standard Webhooks: webhook-signature is "v1," and the base64 of HMAC-SHA256
// over "<webhook-id>.<webhook-timestamp>.<body>". The timestamp, in Unix seconds, is that of the
// attempt: a receiver refuses old ones to prevent replays.
package webhook
