// Package rtspload publishes one clip many times over RTSP/TCP, as so many
// cameras would: the load for live benchmarks.
//
// Packets are made once; a publisher only gives them its own sequence numbers
// and times, so that the generator takes as little as it can of a machine that
// it shares with the server under test. Publishers begin one after another over
// the length of a GOP: key frames do not fall together.
package rtspload
