// Package exec pulls streams from the standard output of commands, as MPEG-TS or as H.264 or H.265 in byte stream format
// (Annex B): streams.PATH.pull: "exec:ffmpeg -i SOURCE -c copy -f mpegts -".
//
// The configuration file alone may name a command: hub.RegisterCommand.
package exec
