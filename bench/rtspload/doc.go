// Package rtspload publishes one clip many times over RTSP/TCP, like as many cameras: the load for live benchmarks.
//
// Packets are made once; a publisher only sets their sequence numbers and times, so that the generator takes little
// CPU on the machine that it shares with the server under test. Publishers begin one after another over the length of
// a GOP, so that key frames do not coincide.
package rtspload
