// Package rtspload generates the load of live benchmarks: many publishers, each of which sends the same clip in a loop
// over RTSP/TCP, like a camera, with or without sound.
//
// The RTP payloads of the pictures are made once, and a publisher only adds sequence numbers and times: so the load
// takes little CPU on the machine that it shares with the measured server. The publishers begin one after another over
// the length of a GOP, so that their key frames do not coincide, or all at the same moment.
//
// The frames of sound are numbered (FrameNumber), and the pictures are those of the clip in order. So a recording can
// be compared with what was sent: see Load.Sent.
package rtspload
