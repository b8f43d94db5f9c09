// Package webhook is the stage "webhook": it notifies an HTTP server of recordings and events, each
// at least once.
//
//	mp4 --media.Recording--> webhook --media.Recording--> metadata
//	                           |
//	                        Outbox: one file a notice --POST--> server
//
// The outbox stores a notice on disk before the recording goes on to the next stage, and deletes
// the notice after a 2xx response. When the process starts, it sends the notices that a kill or a
// power cut left. If a crash came before this stage received the end of a file, recovery sends the
// notice once it has finished the file; it does not for the files of a tee's branches. An event
// that is marked in a file that has ended long before does not pass this stage, so no notice is
// sent for it. A server may receive a notice twice; both have the same webhook-id.
//
// # Files of the outbox
//
//	<16 hex digits: time of creation, in ns>.notice   JSON, see Notice
//	*.new                                 unfinished: deleted at the start
//
// A notice is written to a new file, synced and renamed, and then the directory is synced. The file
// holds everything that is needed to send the notice except the secret. The secret is read from its
// own file or environment variable at each attempt, so that neither the outbox nor a printed
// configuration contains it.
//
// # Signature
//
// Signatures follow Standard Webhooks: webhook-signature is "v1," and the base64 of HMAC-SHA256
// over "<webhook-id>.<webhook-timestamp>.<body>". The timestamp is the time of the attempt, in Unix
// seconds: a receiver refuses an old one, to prevent replays.
package webhook
