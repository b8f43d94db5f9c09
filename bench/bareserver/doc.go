// Package bareserver has servers for comparison with a recorder. Those of publishers receive H.264 and AAC with the usual
// library of the protocol, count the access units, and discard them: RTSP, RTMP, SRT and UDP (MPEG-TS). Those of viewers
// only send.
package bareserver
