// Package rtspload generates the load of live benchmarks: many publishers, each of which sends the same clip in a loop
// over RTSP/TCP, like a camera.
//
// The RTP payloads are made once, and a publisher only adds sequence numbers and times: so the load takes little CPU on
// the machine that it shares with the measured server. The publishers begin one after another over the length of a
// GOP, so that their key frames do not coincide.
package rtspload
