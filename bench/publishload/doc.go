// Package publishload generates the load of live benchmarks: many publishers, each of which sends the same clip in a
// loop, like a camera, with or without sound. The scheme of the URL decides the protocol: rtsp (over TCP), rtmp, srt, or
// udp (MPEG-TS, one port for each publisher).
//
// Each protocol makes the form in which it sends the pictures once, and a publisher only adds sequence numbers and times:
// so the load takes little CPU on the machine that it shares with the measured server. The publishers begin one after
// another over the length of a GOP, so that their key frames do not coincide, or all at the same moment.
//
// The frames of sound are numbered (FrameNumber), and the pictures are those of the clip in order. So a recording can
// be compared with what was sent: see Load.Sent.
package publishload
